"""Swap logs of Ethereum mainnet, and what is no log that was asked for."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Iterator
from typing import Any

import pytest

from sentinel.config.network_file import load_network
from sentinel.core.errors import RpcError
from sentinel.prices.swap_logs import V3_SWAP, Pair
from tests.data import data_path

PAIR = Pair.of(load_network("ethereum"), "WETH")
ADDRESSES = {pool.address.lower() for pool in PAIR.pools}


def decoded() -> dict[tuple[str, str], dict[str, str]]:
    """The swaps of our pools as the source decoded them, by transaction and log."""
    with data_path("mainnet_blocks", "dex_swaps_v3.csv").open() as file:
        return {(row["block"], row["sqrtPriceX96"]): row for row in csv.DictReader(file) if row["pool"] in ADDRESSES}


def recorded() -> Iterator[dict[str, Any]]:
    """The real logs of our pools, as a node would give them."""
    for block in sorted({block for block, _ in decoded()}):
        with gzip.open(data_path("mainnet_blocks", block, "expected_receipts.json.gz")) as file:
            receipts = json.load(file)
        for receipt in receipts:
            for index, log in enumerate(receipt.get("logs") or ()):
                if log["address"].lower() in ADDRESSES and log["topics"][0] == V3_SWAP:
                    yield {**log, "blockNumber": hex(int(block)), "logIndex": hex(index)}


def test_real_swaps_have_the_price_of_their_tick_and_the_volume_that_was_paid() -> None:
    """USDC is token0 there, so a price is the inverse of the pool's own."""
    rows = decoded()
    logs = list(recorded())
    assert len(logs) == len(rows) == 8
    for log in logs:
        swap, sqrt_price = PAIR.swap(log), int(log["data"][2 + 128 : 2 + 192], 16)
        row = rows[(str(swap.block), str(sqrt_price))]
        assert swap.price == pytest.approx(1e12 / 1.0001 ** int(row["tick"]), rel=1.01e-4)
        assert swap.volume == abs(int(row["amount0"]))
        assert (swap.liquidity, swap.time) == (int(row["liquidity"]), None)


@pytest.mark.parametrize(
    "change",
    [
        {"address": "0x" + "11" * 20},
        {"topics": ["0x" + "22" * 32]},
        {"topics": []},
        {"data": "0x00"},
        {"data": None},
        {"blockNumber": None},
        {"removed": True},
    ],
)
def test_a_log_that_was_not_asked_for_is_an_error(change: dict[str, Any]) -> None:
    """Of another pool or event, cut, or taken back: it never becomes a price."""
    log = next(recorded())
    assert PAIR.swap(log).price > 0
    with pytest.raises(RpcError, match="was not asked for"):
        PAIR.swap(log | change)
