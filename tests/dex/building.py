"""A market of one fair pool, one of two pools that are far apart, and a builder of actions on them."""

from __future__ import annotations

from dataclasses import replace

from sentinel.config.network_file import load_network
from sentinel.core.market_state import Head, MarketState, Reference, V2State
from sentinel.core.network import HexHash
from sentinel.dex.building.action_builder import ActionBuilder

NET = load_network("devnet")
ADDRESS = "0x" + "00" * 20
HASH = "0x" + "00" * 32
HEAD = Head(7, HexHash(HASH), HexHash(HASH), 1_700_000_000, 20 * 10**9, 30_000_000, ADDRESS, HASH)


def reserves(price: float) -> V2State:
    """A deep WETH/USDC pair (USDC is token0) at this price."""
    return V2State(int(price * 5_000 * 10**6), 5_000 * 10**18)


def state_at(price: float = 2_000.0, *, reference: float | None = 2_000.0) -> MarketState:
    return MarketState(
        head=HEAD,
        wallet=ADDRESS,
        balances={"ETH": 10**18, "WETH": 10 * 10**18, "USDC": 20_000 * 10**6, "WBTC": 0},
        pools={"WETH/USDC-v2": reserves(price)},
        prices={"WETH": price, "USDC": 1.0},
        reference={} if reference is None else {"WETH": Reference(int(reference * 10**8), 8, HEAD.timestamp)},
        history={},
        nonce=0,
        permit_nonces={},
        allowances={},
        priority_fee=10**9,
    )


BUILD = ActionBuilder(NET, slippage_bps=50, deadline_s=120, min_profit=500_000, max_approval={"USDC": 10**9})


def cycle_state(buy: float, sell: float) -> MarketState:
    """Two pools that are far apart. The second one is a V3 pool by name, a V2 pair by its arithmetic."""
    return replace(state_at(), pools={"WETH/USDC-v2": reserves(buy), "WETH/USDC-v2b": reserves(sell)})


TWO = replace(
    NET, pools={**NET.pools, "WETH/USDC-v2b": replace(NET.pools["WETH/USDC-v2"], name="WETH/USDC-v2b", address=ADDRESS)}
)
