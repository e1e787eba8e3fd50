"""Deploy the real DEX contracts onto a fresh Anvil, always at the same addresses.

The deployer is an address that nobody has a key of (Anvil impersonates it), and a contract's address follows from the
deployer and its nonce; so the order of PLAN is part of the network file, and the network file can be static.
Pools are created here, but hold nothing yet: the market opens them at its first price.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from eth_abi.abi import encode
from eth_abi.grammar import parse
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from sentinel.chain.rpc import Rpc
from sentinel.core.errors import OperatorError
from sentinel.core.network import DEVELOPMENT_CHAIN, Address
from sentinel.core.units import COIN
from sentinel.market.artifacts import Artifacts

PERMIT2: Address = "0x000000000022D473030F116dDEE9F6B43aC78BA3"
MULTICALL3: Address = "0xcA11bde05977b3631167028862bE2a173976CA11"
_PERMIT2_CACHED_SEPARATOR = bytes.fromhex("d5a17abc")  # the first bytes of the one in the published literal
ZERO: Address = "0x" + "00" * 20

SPACING = {500: 10, 3000: 60}  # fee in pips -> tick spacing, of V3 and V4


def keyless(name: str) -> Address:
    """An address without a known key, which only an Anvil that impersonates it can send from."""
    return to_checksum_address(keccak(text=f"sentinel devnet {name}")[12:])


DEPLOYER = keyless("deployer")  # also mints the tokens and sets the feeds

PLAN = (
    *("WETH", "USDC", "WBTC"),
    *("V2Factory", "V3Factory", "QuoterV2", "UniversalRouter"),
    *("FeedWETH", "FeedWBTC", "Crowd"),
    *("PoolManager", "StateView", "V4Quoter", "CrowdV4"),
)


def created(deployer: Address, nonce: int) -> Address:
    """The address of a contract that `deployer` creates with `nonce` (below 128)."""
    return to_checksum_address(keccak(b"\xd6\x94" + bytes.fromhex(deployer[2:]) + bytes([nonce or 0x80]))[12:])


ADDRESSES: dict[str, Address] = {name: created(DEPLOYER, nonce) for nonce, name in enumerate(PLAN)}


@dataclass(frozen=True, slots=True)
class PoolPlan:
    name: str
    venue: str
    tokens: tuple[str, str]
    fee_pips: int

    @property
    def tick_spacing(self) -> int:
        return SPACING[self.fee_pips] if self.venue != "uniswap_v2" else 0

    @property
    def key(self) -> tuple[Address, Address, int, int, Address]:
        """What V4 knows the pool by; it has no hooks."""
        low, high = sorted((ADDRESSES[token] for token in self.tokens), key=lambda address: int(address, 16))
        return low, high, self.fee_pips, self.tick_spacing, ZERO

    @property
    def pool_id(self) -> str | None:
        """0x-hex, of V4 pools alone."""
        if self.venue != "uniswap_v4":
            return None
        return "0x" + keccak(encode(["address", "address", "uint24", "int24", "address"], self.key)).hex()

    @property
    def member(self) -> Address:
        """The crowd's account that trades this pool."""
        return keyless(f"crowd {self.name}")


POOLS = (
    PoolPlan("WETH/USDC-v2", "uniswap_v2", ("WETH", "USDC"), 3000),
    PoolPlan("WETH/USDC-v3-500", "uniswap_v3", ("WETH", "USDC"), 500),
    PoolPlan("WETH/USDC-v3-3000", "uniswap_v3", ("WETH", "USDC"), 3000),
    PoolPlan("WBTC/USDC-v3-3000", "uniswap_v3", ("WBTC", "USDC"), 3000),
    PoolPlan("WBTC/WETH-v3-3000", "uniswap_v3", ("WBTC", "WETH"), 3000),
    PoolPlan("WETH/USDC-v4-500", "uniswap_v4", ("WETH", "USDC"), 500),
)
DECIMALS = {"WETH": 18, "USDC": 6, "WBTC": 8}
FEED_DECIMALS = 8
# what the crowd owns, whole tokens: far more than any path can cost it
PURSE = {"WETH": 50_000_000, "USDC": 100_000_000_000, "WBTC": 5_000_000}


def calldata(signature: str, *values: Any) -> bytes:
    """Selector and arguments of e.g. `mint(address,uint256)`."""
    arguments = parse(signature[signature.index("(") :]).components if values else ()
    return keccak(text=signature)[:4] + encode([kind.to_type_str() for kind in arguments], values)


async def deploy(rpc: Rpc, artifacts: Artifacts) -> None:
    """Put everything of PLAN and POOLS on the chain, which must be fresh, mine on demand and impersonate all senders.

    Raises OperatorError when something lands elsewhere than expected.
    """
    for address in (DEPLOYER, *(pool.member for pool in POOLS)):
        await rpc.call("anvil_setBalance", address, hex(10**9 * COIN))
    await rpc.call("anvil_setCode", PERMIT2, "0x" + mended_permit2(artifacts.permit2_runtime()).hex())
    multicall3 = await rpc.call("eth_call", {"data": "0x" + artifacts.multicall3_creation().hex()})
    await rpc.call("anvil_setCode", MULTICALL3, multicall3)
    for name, code in _creations(artifacts).items():
        landed = (await send(rpc, DEPLOYER, None, code))["contractAddress"]
        if landed.lower() != ADDRESSES[name].lower():
            raise OperatorError(f"{name} landed at {landed}, not at {ADDRESSES[name]}: the chain was not fresh")
    for pool in POOLS:
        await _create_pool(rpc, pool)
    await _fill_purse(rpc)


def mended_permit2(runtime: bytes) -> bytes:
    """Permit2 with the domain separator of its canonical address on this chain.

    The literal carries one for chain 31337 as cached where it was compiled, which no wallet computes.
    """
    at = runtime.find(_PERMIT2_CACHED_SEPARATOR)
    old = runtime[at : at + 32]
    if at < 0 or runtime.count(old) != 1:
        raise OperatorError("the Permit2 literal does not hold its cached domain separator exactly once")
    return runtime.replace(old, permit2_separator(DEVELOPMENT_CHAIN))


def permit2_separator(chain_id: int) -> bytes:
    """EIP-712 domain separator of the canonical Permit2."""
    kind = keccak(text="EIP712Domain(string name,uint256 chainId,address verifyingContract)")
    fields = [kind, keccak(text="Permit2"), chain_id, PERMIT2]
    return keccak(encode(["bytes32", "bytes32", "uint256", "address"], fields))


def _creations(artifacts: Artifacts) -> dict[str, bytes]:
    """Creation code with constructor arguments, in PLAN's order."""
    a, at = artifacts.creation, ADDRESSES
    router = (
        PERMIT2, at["WETH"], at["V2Factory"], at["V3Factory"],
        keccak(a("UniswapV2Pair")), keccak(a("UniswapV3Pool")), at["PoolManager"], ZERO, ZERO, ZERO,
    )  # fmt: skip
    manager = encode(["address"], [at["PoolManager"]])
    members = {v4: [pool.member for pool in POOLS if (pool.venue == "uniswap_v4") == v4] for v4 in (False, True)}
    token, feed = ["string", "string", "uint8"], ["string", "uint8"]
    codes = {
        "WETH": a("WETH9"),
        "USDC": a("Token") + encode(token, ["USD Coin", "USDC", DECIMALS["USDC"]]),
        "WBTC": a("Token") + encode(token, ["Wrapped BTC", "WBTC", DECIMALS["WBTC"]]),
        "V2Factory": a("UniswapV2Factory") + encode(["address"], [DEPLOYER]),
        "V3Factory": a("UniswapV3Factory"),
        "QuoterV2": a("QuoterV2") + encode(["address", "address"], [at["V3Factory"], at["WETH"]]),
        "UniversalRouter": a("UniversalRouter")
        + encode(["(address,address,address,address,bytes32,bytes32,address,address,address,address)"], [router]),
        "FeedWETH": a("Feed") + encode(feed, ["WETH / USDC", FEED_DECIMALS]),
        "FeedWBTC": a("Feed") + encode(feed, ["WBTC / USDC", FEED_DECIMALS]),
        "Crowd": a("Crowd") + encode(["address[]"], [members[False]]),
        "PoolManager": a("PoolManager") + encode(["address"], [DEPLOYER]),
        "StateView": a("StateView") + manager,
        "V4Quoter": a("V4Quoter") + manager,
        "CrowdV4": a("CrowdV4") + encode(["address", "address[]"], [at["PoolManager"], members[True]]),
    }
    return {name: codes[name] for name in PLAN}


async def _create_pool(rpc: Rpc, pool: PoolPlan) -> None:
    pair = [ADDRESSES[token] for token in pool.tokens]
    if pool.venue == "uniswap_v2":
        await send(rpc, DEPLOYER, ADDRESSES["V2Factory"], calldata("createPair(address,address)", *pair))
    elif pool.venue == "uniswap_v3":
        data = calldata("createPool(address,address,uint24)", *pair, pool.fee_pips)
        await send(rpc, DEPLOYER, ADDRESSES["V3Factory"], data)


def pool_query(pool: PoolPlan) -> tuple[Address, bytes] | None:
    """The factory to ask for the pool's address, and how; None for V4, whose pools are all in the PoolManager."""
    if pool.venue == "uniswap_v4":
        return None
    pair = [ADDRESSES[token] for token in pool.tokens]
    if pool.venue == "uniswap_v2":
        return ADDRESSES["V2Factory"], calldata("getPair(address,address)", *pair)
    return ADDRESSES["V3Factory"], calldata("getPool(address,address,uint24)", *pair, pool.fee_pips)


async def _fill_purse(rpc: Rpc) -> None:
    wei = PURSE["WETH"] * COIN
    for crowd in (ADDRESSES["Crowd"], ADDRESSES["CrowdV4"]):
        await send(rpc, DEPLOYER, ADDRESSES["WETH"], calldata("deposit()"), value=wei)
        await send(rpc, DEPLOYER, ADDRESSES["WETH"], calldata("transfer(address,uint256)", crowd, wei))
        for token in ("USDC", "WBTC"):
            amount = PURSE[token] * 10 ** DECIMALS[token]
            await send(rpc, DEPLOYER, ADDRESSES[token], calldata("mint(address,uint256)", crowd, amount))


async def send(rpc: Rpc, sender: Address, to: Address | None, data: bytes, *, value: int = 0) -> dict[str, Any]:
    """Send from an impersonated account, mine a block, return the receipt. Raises OperatorError when it reverted."""
    tx: dict[str, Any] = {"from": sender, "data": "0x" + data.hex(), "value": hex(value), "gas": hex(12_000_000)}
    if to is not None:
        tx["to"] = to
    tx_hash = await rpc.call("eth_sendTransaction", tx)
    await rpc.call("evm_mine")
    receipt: dict[str, Any] | None = await rpc.call("eth_getTransactionReceipt", tx_hash)
    if receipt is None or receipt["status"] != "0x1":
        raise OperatorError(f"setting up the local market: {to or 'a contract creation'} reverted: {receipt}")
    return receipt


def members() -> Sequence[Address]:
    return [pool.member for pool in POOLS]
