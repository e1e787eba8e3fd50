"""An order in words on a running daemon, with a double of the student: it knows the readings of two orders, and returns
the teacher's programs. `tests/e2e/test_spoken_order.py` does the same with the shipped student."""

from __future__ import annotations

from pathlib import Path

from sentinel.market import Devnet
from tests.daemon.endpoint import Endpoint
from tests.daemon.spoken_order import BUYS, BUYS_READING, STOPS, STOPS_READING, live


async def test_an_order_in_words_is_traded_as_it_says_until_it_is_cancelled(devnet: Devnet, tmp_path: Path) -> None:
    """Over a kill -9, and with another order in words in its place."""
    student = Endpoint(readings={BUYS: BUYS_READING, STOPS: STOPS_READING})
    await student.start()
    try:
        await live(devnet, tmp_path, student.url, blocks=24, patience=120.0, pace=0.2)
    finally:
        await student.stop()
