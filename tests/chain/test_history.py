"""Closes by block: gaps, reorgs, and closes from before the start."""

from __future__ import annotations

from sentinel.chain.history import BlockCloses
from sentinel.core.market_state import Head
from sentinel.core.network import HexHash


def head(number: int, branch: str = "a", parent: str = "a") -> Head:
    return Head(
        number,
        HexHash(f"{branch}{number}"),
        HexHash(f"{parent}{number - 1}"),
        1_700_000_000 + number,
        10**9,
        30_000_000,
        "",
        "",
    )


def filled(bars: int, numbers: range) -> BlockCloses:
    history = BlockCloses(bars)
    for number in numbers:
        history.append(head(number), {"WETH": float(number)})
    return history


def test_the_last_bars_are_kept_oldest_first() -> None:
    """One close a block, never more than `bars`."""
    assert filled(3, range(1, 8)).closes() == {"WETH": (5.0, 6.0, 7.0)}


def test_missed_blocks_carry_the_last_close_forward() -> None:
    """A momentum over n blocks stays one over n blocks."""
    history = filled(5, range(1, 3))
    history.append(head(6), {"WETH": 60.0})
    assert history.closes() == {"WETH": (2.0, 2.0, 2.0, 2.0, 60.0)}
    history.append(head(1_000_000), {"WETH": 7.0})
    assert history.closes() == {"WETH": (60.0, 60.0, 60.0, 60.0, 7.0)}


def test_a_reorg_forgets_the_blocks_that_were_replaced() -> None:
    """By number where the new branch starts lower, by parent hash where it starts one above."""
    history = filled(10, range(1, 6))
    history.append(head(4, "b"), {"WETH": 40.0})
    assert history.closes() == {"WETH": (1.0, 2.0, 3.0, 40.0)}
    history.append(head(5, "c", parent="c"), {"WETH": 50.0})
    assert history.closes() == {"WETH": (1.0, 2.0, 3.0, 3.0, 50.0)}
    history.rewind(3)
    assert history.closes() == {"WETH": (1.0, 2.0)}


def test_reading_the_same_block_again_counts_once() -> None:
    """A retried cycle does not add a bar."""
    history = filled(10, range(1, 4))
    history.append(head(3), {"WETH": 3.0})
    assert history.closes() == {"WETH": (1.0, 2.0, 3.0)}


def test_closes_from_before_the_start_make_room_for_our_own() -> None:
    """Prior closes fill up to `bars` and leave as blocks arrive; a token without a price keeps its last."""
    history = BlockCloses(3, prior={"WETH": (7.0, 8.0, 9.0)})
    history.append(head(1), {"WETH": 1.0, "WBTC": 10.0})
    assert history.closes() == {"WETH": (8.0, 9.0, 1.0), "WBTC": (10.0,)}
    history.append(head(2), {"WETH": 2.0})
    assert history.closes() == {"WETH": (9.0, 1.0, 2.0), "WBTC": (10.0, 10.0)}
