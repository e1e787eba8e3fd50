"""Our arithmetic against answers that on-chain quoters gave at named blocks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sentinel.core.errors import QuoteError
from sentinel.core.market_state import V2State, V3State
from sentinel.core.network import Pool
from sentinel.dex.venues.tick_math import MAX_TICK, MIN_TICK
from sentinel.dex.venues.uniswap_v2 import UniswapV2
from sentinel.dex.venues.uniswap_v3 import UniswapV3, fill
from tests.data import data_path

V3_CASES = (
    (
        ("pool_states", "1", "uniswap_v3_wbtc_weth_block_24407242.json"),
        ("tests", "uniswap", "v3", "test_uniswap_v3_onchain_parity", "test_cached_calculations_v3_wbtc_weth.json"),
        ("WBTC", "WETH"),
        80,
    ),
    (
        ("pool_states", "8453", "aerodrome_v3_cbeth_weth_block_46875151.json"),
        ("tests", "aerodrome", "test_aerodrome_v3_onchain_parity", "test_aerodrome_v3_cbeth_weth_quote.json"),
        ("cbETH", "WETH"),
        25,
    ),
)


@pytest.mark.parametrize(("state_file", "answers_file", "tokens", "expected"), V3_CASES)
def test_every_recorded_v3_answer_is_reproduced_to_the_last_unit(
    state_file: tuple[str, ...], answers_file: tuple[str, ...], tokens: tuple[str, str], expected: int
) -> None:
    """Exact input and exact output, both directions, from one unit to more than the pool holds."""
    pool, state = v3_pool(load(*state_file), tokens)
    checked = 0
    for function, token_in, amount, value in answers(load("recorded", *answers_file)):
        filled = fill(pool, state, token_in == pool.token0, amount if "Input" in function else -amount)
        assert (filled.amount_out if "Input" in function else filled.amount_in) == value, (function, token_in, amount)
        checked += 1
    assert checked == expected


def test_a_v3_quote_equals_the_recording_where_the_pool_fills_it_and_is_refused_where_it_does_not() -> None:
    """The venue never passes off a partial fill as a quote."""
    state_file, answers_file, tokens, _ = V3_CASES[0]
    pool, state = v3_pool(load(*state_file), tokens)
    filled = refused = 0
    for function, token_in, amount, value in answers(load("recorded", *answers_file)):
        quote = UniswapV3().quote_in if "Input" in function else UniswapV3().quote_out
        try:
            assert quote(pool, state, token_in, amount) == value
            filled += 1
        except QuoteError:
            assert amount > 10**14
            refused += 1
    assert filled > 50
    assert refused > 10


def test_every_recorded_v2_router_answer_is_reproduced_to_the_last_unit() -> None:
    """A fork of V2 with a fee of 0.25 %: the fee comes from the pool, not from a constant."""
    raw = load("pool_states", "8453", "pancakeswap_v2_weth_usdbc_block_46875151.json")
    fee = raw["fee_numer"] * 1_000_000 // raw["fee_denom"]
    pool = Pool("v2", "uniswap_v2", raw["pool"], raw["token0"]["symbol"], raw["token1"]["symbol"], fee)
    state = V2State(raw["reserves_token0"], raw["reserves_token1"])
    recorded = load(
        "recorded", "tests", "pancakeswap", "test_pancakeswap_v2_onchain_parity",
        "test_pancakeswap_v2_router_get_amounts_out.json",
    )  # fmt: skip
    checked = 0
    for _, token_in, amount, value in answers(recorded):
        assert UniswapV2().quote_in(pool, state, token_in, amount) == value
        checked += 1
    assert checked == 24


def load(*parts: str) -> Any:
    path: Path = data_path("onchain_quotes", *parts)
    return json.loads(path.read_text())


def v3_pool(raw: Any, tokens: tuple[str, str]) -> tuple[Pool, V3State]:
    scalars = raw["scalars"]
    pool = Pool("v3", "uniswap_v3", raw["pool"], *tokens, scalars["fee"], scalars["tick_spacing"])
    ticks = tuple(sorted((int(tick), item[1]) for tick, item in raw["tick_data"].items()))
    state = V3State(scalars["sqrt_price_x96"], scalars["tick"], scalars["liquidity"], ticks, MIN_TICK, MAX_TICK)
    return pool, state


def answers(raw: Any) -> Iterator[tuple[str, str, int, int]]:
    """(function, token in, amount, value) of each numeric answer."""
    for key, answer in raw["entries"].items():
        _, function, path, amount = key.split("|")
        if "value" in answer:
            yield function, path.split("->")[0], int(amount), int(answer["value"])
