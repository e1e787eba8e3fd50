"""What stands on the local market's chain and where: contracts, pools, and who may move them.

The deployer is an address that nobody has a key of (Anvil impersonates it), and a contract's address follows from the
deployer and its nonce; so the order of PLAN is part of the network file, and the network file can be static.
`deployment` puts all of it there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from eth_abi.abi import encode
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from sentinel.core.network import Address

PERMIT2: Address = "0x000000000022D473030F116dDEE9F6B43aC78BA3"
MULTICALL3: Address = "0xcA11bde05977b3631167028862bE2a173976CA11"
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


def members() -> Sequence[Address]:
    return [pool.member for pool in POOLS]
