"""Feeds in a common unit become prices in the quote token."""

from __future__ import annotations

import pytest
from eth_abi.abi import encode

from sentinel.chain.wallet_reads import WalletReads
from sentinel.config.network_file import load_network
from sentinel.core.market_state import Reference

NOW = 1_800_000_000
WALLET = "0x5E00000000000000000000000000000000000001"


def answers(quote: tuple[int, int] | None) -> list[bytes | None]:
    """Of Ethereum's reads: nothing held, every feed at 2,000 USD a minute ago, the quote feed at (answer, updated)."""
    network = load_network("ethereum")
    accounts: list[bytes | None] = [(0).to_bytes(32) * 3] * (3 * len(network.tokens))
    feeds: list[bytes | None] = [_round(2000 * 10**8, NOW - 60)] * len(network.feeds)
    return [*accounts, *feeds, _round(*quote) if quote is not None else None]


def _round(answer: int, updated_at: int) -> bytes:
    return encode(["uint80", "int256", "uint256", "uint256", "uint80"], [1, answer, updated_at, updated_at, 1])


def test_prices_are_divided_by_the_quote_feed() -> None:
    """2,000 USD are 2,500 USDC where one USDC costs 80 cents; the answer is as old as the token's own."""
    reads = WalletReads(load_network("ethereum"), WALLET)
    assert len(reads.reads) == len(answers(None))
    found = reads.decode(answers((80_000_000, NOW - 3600)), NOW).reference
    assert found["WETH"] == Reference(2500 * 10**8, 8, NOW - 60)


@pytest.mark.parametrize("quote", [None, (0, NOW), (-1, NOW), (10**8, NOW - 90_000), (10**8, NOW + 1)])
def test_without_a_good_quote_feed_nothing_is_priced(quote: tuple[int, int] | None) -> None:
    """Silent, not positive, stale or from the future: no reference at all, and policy refuses every trade."""
    assert WalletReads(load_network("ethereum"), WALLET).decode(answers(quote), NOW).reference == {}
