"""V4's arithmetic against answers that the on-chain V4Quoter gave at named blocks."""

from __future__ import annotations

from typing import Any

import pytest

from sentinel.core.errors import QuoteError
from sentinel.core.market_state import V4State
from sentinel.core.network import Pool
from sentinel.dex.venues.tick_math import MAX_TICK, MIN_TICK
from sentinel.dex.venues.uniswap_v4 import UniswapV4, swap_fee

from .test_quotes_recorded import load

STATE = ("pool_states", "1", "uniswap_v4_eth_usdc_block_24407242.json")
ANSWERS = ("tests", "uniswap", "v4", "test_uniswap_v4_onchain_parity", "test_cached_calculations_v4_eth_usdc.json")


def v4_pool(raw: Any) -> tuple[Pool, V4State]:
    """The recorded pool, its native coin as token0."""
    scalars = raw["scalars"]
    pool = Pool("v4", "uniswap_v4", raw["pool_manager"], "ETH", "USDC", scalars["fee"], scalars["tick_spacing"])
    ticks = tuple(sorted((int(tick), item[1]) for tick, item in raw["tick_data"].items()))
    fees = [swap_fee(scalars[f"protocol_fee_{way}"], scalars["lp_fee"]) for way in ("one_for_zero", "zero_for_one")]
    price, tick, liquidity = scalars["sqrt_price_x96"], scalars["tick"], scalars["liquidity"]
    return pool, V4State(price, tick, liquidity, ticks, MIN_TICK, MAX_TICK, *fees)


def test_every_recorded_v4_answer_is_reproduced_to_the_last_unit() -> None:
    """Exact input and output, both directions; where the quoter reverted for want of liquidity we refuse."""
    pool, state = v4_pool(load(*STATE))
    entries = load("recorded", *ANSWERS)["entries"]
    equal = refused = 0
    for key, answer in entries.items():
        _, function, path, amount = key.split("|")
        quote = UniswapV4().quote_in if "Input" in function else UniswapV4().quote_out
        token_in = path.split("->")[0]
        if "value" in answer:
            assert quote(pool, state, token_in, int(amount)) == answer["value"], key
            equal += 1
        else:
            with pytest.raises(QuoteError):
                quote(pool, state, token_in, int(amount))
            refused += 1
    assert equal == 72
    assert refused == len(entries) - equal


@pytest.mark.parametrize(
    ("protocol", "provider", "both"), [(0, 500, 500), (1000, 3000, 3997), (1, 1, 2), (1000, 0, 1000)]
)
def test_the_protocols_fee_comes_first_and_the_providers_is_of_the_rest(
    protocol: int, provider: int, both: int
) -> None:
    """As PoolManager adds them, rounded against the trader."""
    assert swap_fee(protocol, provider) == both
