"""Native coin in a trade: wrapped first, unwrapped last, and never what pays for the gas."""

from __future__ import annotations

from typing import Any

import pytest

from sentinel.core.errors import ActionFault
from sentinel.dex.quoting.costs import expected_gas
from tests.dex.building import BUILD, state_at


@pytest.mark.parametrize(
    ("tokens", "venues"),
    [
        (["USDC", "ETH"], ["unwrap"]),
        (["ETH", "WETH"], ["unwrap"]),
        (["USDC", "WETH", "ETH", "USDC"], ["v2", "unwrap", "v3-500"]),
        (["WETH", "USDC", "ETH"], ["v2", "unwrap"]),
        (["USDC", "WETH", "ETH"], ["unwrap", "v2"]),
        (["USDC", "WETH", "USDC"], ["v2", "unwrap"]),
        (["USDC", "ETH"], ["v2"]),
        (["USDC", "WETH", "ETH"], ["v2", "v3-500"]),
        (["USDC", "WETH", "ETH", "ETH"], ["v2", "unwrap", "unwrap"]),
        (["USDC", "WETH"], [["v2"]]),
    ],
)
def test_unwrapping_comes_last_or_not_at_all(tokens: Any, venues: Any) -> None:
    """Only a route that ends with wrapped coin may go on to the native one; nothing comes after it."""
    with pytest.raises(ActionFault):
        BUILD.route(state_at(), tokens, 100, venues)
    swap = BUILD.route(state_at(), ["USDC", "WETH", "ETH"], 100, ["v2", "unwrap"])
    assert (swap.token_out, len(swap.routes[0].legs)) == ("ETH", 2)
    assert swap.min_out == BUILD.route(state_at(), ["USDC", "WETH"], 100, ["v2"]).min_out


@pytest.mark.parametrize(
    ("tokens", "venues"),
    [
        (["WETH", "ETH"], ["wrap"]),
        (["ETH", "USDC"], ["wrap"]),
        (["ETH", "USDC"], ["v2"]),
        (["ETH", "WETH", "USDC"], ["v2", "wrap"]),
        (["USDC", "ETH", "WETH"], ["v2", "wrap"]),
        (["ETH", "WETH", "ETH", "WETH"], ["wrap", "unwrap", "wrap"]),
        (["WETH", "WETH"], ["wrap"]),
        (["ETH", "WETH", "ETH"], ["wrap", "unwrap"]),
        (["ETH", "WETH", "USDC", "WETH", "ETH"], ["wrap", "v2", "v3-500", "unwrap"]),
        (["ETH", "WETH", "USDC", "WETH"], ["wrap", "v2", "v3-500"]),
        (["WETH", "USDC", "WETH", "ETH"], ["v2", "v3-500", "unwrap"]),
        (["ETH", "WETH"], [["wrap"]]),
        (["ETH", ["WETH"]], ["wrap"]),
    ],
)
def test_wrapping_comes_first_or_not_at_all(tokens: Any, venues: Any) -> None:
    """And what begins with native coin, or its wrapped token, does not come back to either."""
    with pytest.raises(ActionFault):
        BUILD.route(state_at(), tokens, 0.1, venues)


def test_native_coin_is_sold_as_its_wrapped_token_is() -> None:
    """The same least output; wrapping or unwrapping alone gives exactly what is put in."""
    swap = BUILD.route(state_at(), ["ETH", "WETH", "USDC"], 0.5, ["wrap", "v2"])
    assert (swap.token_in, swap.token_out, swap.value) == ("ETH", "USDC", 5 * 10**17)
    assert swap.min_out == BUILD.swap(state_at(), "WETH", "USDC", 0.5, "v2").min_out
    for tokens, venue in ((["ETH", "WETH"], "wrap"), (["WETH", "ETH"], "unwrap")):
        alone = BUILD.route(state_at(), tokens, 0.5, [venue])
        assert (alone.min_out, alone.token_out) == (5 * 10**17, tokens[1])
    assert BUILD.route(state_at(), ["WETH", "ETH"], 10, ["unwrap"]).value == 0


def test_native_coin_that_pays_for_the_gas_is_not_sold() -> None:
    """Of 1 ETH, what a fifth more than the expected gas costs at the offered fee stays."""
    legs = BUILD.route(state_at(), ["ETH", "WETH", "USDC"], 0.5, ["wrap", "v2"]).routes[0].legs
    most = 10**18 - expected_gas(legs) * 6 // 5 * 41 * 10**9
    text = f"{most / 10**18:.18f}"[:10]
    assert BUILD.route(state_at(), ["ETH", "WETH", "USDC"], text, ["wrap", "v2"]).amount_in <= most
    with pytest.raises(ActionFault, match="beside its gas"):
        BUILD.route(state_at(), ["ETH", "WETH", "USDC"], str((most + 1) / 10**18 + 10**-8), ["wrap", "v2"])
