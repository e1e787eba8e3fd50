"""Doctor compares the approved order with the one that the signer enforces."""

from __future__ import annotations

from pathlib import Path

import pytest

from sentinel.daemon.doctor.findings import Grade
from sentinel.daemon.doctor.key_checks import key
from sentinel.daemon.doctor.order_checks import signer_order
from sentinel.signing.order_rules import OrderBounds
from sentinel.signing.process.order_file import write_order
from tests.signing.process.world import NETWORK, running, settings

A, B = "a" * 64, "b" * 64


@pytest.mark.parametrize(
    ("approved", "enforced", "grade", "words"),
    [
        (None, None, None, ""),
        (A, A, "ok", "enforces the approved order aaaaaaaa"),
        (A, B, "warn", "aaaaaaaa is approved, the signer enforces bbbbbbbb"),
        (A, None, "warn", "its caps alone bind"),
        (None, B, "warn", "none is approved"),
    ],
)
def test_the_same_order_on_both_sides(
    approved: str | None, enforced: str | None, grade: Grade | None, words: str
) -> None:
    """A difference is a warning that says what it means and what to do."""
    finding = signer_order(approved, enforced)
    assert (None if finding is None else finding.grade) == grade
    if finding is not None:
        assert words in finding.what
        assert bool(finding.hint) == (grade == "warn")


async def test_doctor_asks_the_signer_that_runs(tmp_path: Path) -> None:
    """By its socket, in a live set-up; where none answers there is nothing to say."""
    live = settings(tmp_path, execution={"mode": "live"})
    assert [finding.name for finding in (await key(live, NETWORK))[0]] == ["key"]
    place = tmp_path / "state" / "signer"
    place.mkdir(parents=True)
    write_order(place, text := "Buy 5 USDC worth of WETH, once.")
    order = OrderBounds.of(text, NETWORK).hash
    async with running(tmp_path, execution={"mode": "live"}):
        for approved, grade in ((order, "ok"), (A, "warn"), (None, "warn")):
            findings, _ = await key(live, NETWORK, approved)
            assert [(finding.name, finding.grade) for finding in findings[1:]] == [("signer's order", grade)]
