"""Put the real DEX contracts onto a fresh Anvil, always at the same addresses. web3 encodes (docs/adr/0014).

Pools are created here, but hold nothing yet: the market opens them at its first price.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from eth_abi.abi import encode
from eth_utils.crypto import keccak
from web3.contract.async_contract import AsyncContractConstructor, AsyncContractFunction
from web3.exceptions import TransactionNotFound
from web3.types import TxParams, Wei

from sentinel.chain.contract_calls import DEPLOYMENT, Web3, contract, web3
from sentinel.chain.rpc import Rpc
from sentinel.core.errors import OperatorError
from sentinel.core.network import DEVELOPMENT_CHAIN
from sentinel.core.units import COIN
from sentinel.market.artifacts import Artifacts
from sentinel.market.contracts import (
    ADDRESSES,
    DECIMALS,
    DEPLOYER,
    FEED_DECIMALS,
    MULTICALL3,
    PERMIT2,
    PLAN,
    POOLS,
    PURSE,
    ZERO,
)

_GAS = 12_000_000  # limit of one transaction
_PERMIT2_CACHED_SEPARATOR = bytes.fromhex("d5a17abc")  # the first bytes of the one in the published literal


async def deploy(rpc: Rpc, artifacts: Artifacts) -> None:
    """Put everything of PLAN and POOLS on the chain, which must be fresh, mine on demand and impersonate all senders.

    Raises OperatorError when something lands elsewhere than expected, or reverts.
    """
    w3 = web3(rpc, DEPLOYMENT)
    for address in (DEPLOYER, *(pool.member for pool in POOLS)):
        await rpc.call("anvil_setBalance", address, hex(10**9 * COIN))
    await rpc.call("anvil_setCode", PERMIT2, "0x" + mended_permit2(artifacts.permit2_runtime()).hex())
    multicall3 = await w3.eth.call({"data": artifacts.multicall3_creation()})
    await rpc.call("anvil_setCode", MULTICALL3, multicall3.to_0x_hex())
    arguments = _arguments(artifacts)
    for name in PLAN:
        source, given = arguments[name]
        factory = w3.eth.contract(abi=artifacts.abi(source), bytecode=artifacts.creation(source))
        landed = await _mined(rpc, w3, name, factory.constructor(*given))
        if landed != ADDRESSES[name]:
            raise OperatorError(f"{name} landed at {landed}, not at {ADDRESSES[name]}: the chain was not fresh")
    for what, call, value in (*_pools(w3, artifacts), *_purse(w3, artifacts)):
        await _mined(rpc, w3, what, call, value)


async def _mined(
    rpc: Rpc, w3: Web3, what: str, call: AsyncContractConstructor | AsyncContractFunction, value: int = 0
) -> str | None:
    """Send from the impersonated deployer and mine a block; the address of the contract that it created, if any."""
    sent: TxParams = {"from": DEPLOYER, "gas": _GAS, "value": Wei(value)}
    tx_hash = await call.transact(sent)
    await rpc.call("evm_mine")
    try:
        receipt = await w3.eth.get_transaction_receipt(tx_hash)
    except TransactionNotFound as error:
        raise OperatorError(f"setting up the local market: {what} was not mined") from error
    if receipt["status"] != 1:
        raise OperatorError(f"setting up the local market: {what} reverted: {receipt}")
    return receipt["contractAddress"]


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


def _arguments(artifacts: Artifacts) -> dict[str, tuple[str, tuple[Any, ...]]]:
    """By name in PLAN: the artifact that it is made from, and what its constructor is given."""
    at = ADDRESSES
    router = (
        PERMIT2, at["WETH"], at["V2Factory"], at["V3Factory"],
        keccak(artifacts.creation("UniswapV2Pair")), keccak(artifacts.creation("UniswapV3Pool")), at["PoolManager"],
        ZERO, ZERO, ZERO,
    )  # fmt: skip
    members = {v4: [pool.member for pool in POOLS if (pool.venue == "uniswap_v4") == v4] for v4 in (False, True)}
    return {
        "WETH": ("WETH9", ()),
        "USDC": ("Token", ("USD Coin", "USDC", DECIMALS["USDC"])),
        "WBTC": ("Token", ("Wrapped BTC", "WBTC", DECIMALS["WBTC"])),
        "V2Factory": ("UniswapV2Factory", (DEPLOYER,)),
        "V3Factory": ("UniswapV3Factory", ()),
        "QuoterV2": ("QuoterV2", (at["V3Factory"], at["WETH"])),
        "UniversalRouter": ("UniversalRouter", (router,)),
        "FeedWETH": ("Feed", ("WETH / USDC", FEED_DECIMALS)),
        "FeedWBTC": ("Feed", ("WBTC / USDC", FEED_DECIMALS)),
        "Crowd": ("Crowd", (members[False],)),
        "PoolManager": ("PoolManager", (DEPLOYER,)),
        "StateView": ("StateView", (at["PoolManager"],)),
        "V4Quoter": ("V4Quoter", (at["PoolManager"],)),
        "CrowdV4": ("CrowdV4", (at["PoolManager"], members[True])),
    }


Step = tuple[str, AsyncContractFunction, int]  # what it does, the call, wei that go with it


def _pools(w3: Web3, artifacts: Artifacts) -> Iterator[Step]:
    """V4's are opened and created at once, with their first price."""
    v2 = contract(w3, ADDRESSES["V2Factory"], artifacts.abi("UniswapV2Factory")).functions
    v3 = contract(w3, ADDRESSES["V3Factory"], artifacts.abi("UniswapV3Factory")).functions
    for pool in POOLS:
        pair = [ADDRESSES[token] for token in pool.tokens]
        if pool.venue == "uniswap_v2":
            yield pool.name, v2.createPair(*pair), 0
        elif pool.venue == "uniswap_v3":
            yield pool.name, v3.createPool(*pair, pool.fee_pips), 0


def _purse(w3: Web3, artifacts: Artifacts) -> Iterator[Step]:
    wei = PURSE["WETH"] * COIN
    weth = contract(w3, ADDRESSES["WETH"], artifacts.abi("WETH9")).functions
    for crowd in (ADDRESSES["Crowd"], ADDRESSES["CrowdV4"]):
        yield "wrapping the crowd's coin", weth.deposit(), wei
        yield "the crowd's WETH", weth.transfer(crowd, wei), 0
        for symbol in ("USDC", "WBTC"):
            token = contract(w3, ADDRESSES[symbol], artifacts.abi("Token")).functions
            yield f"the crowd's {symbol}", token.mint(crowd, PURSE[symbol] * 10 ** DECIMALS[symbol]), 0
