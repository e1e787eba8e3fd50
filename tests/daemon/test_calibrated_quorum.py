"""The quorum and the sizes in force, with a calibration and without."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sentinel.config import settings
from sentinel.core.errors import SettingsError
from sentinel.daemon.calibrated import quorum_bps, sizes


def calibration(path: Path, right: int) -> Path:
    acts = [
        {"votes": 8, "asked": 8, "right": 500, "total": 500},
        {"votes": 7, "asked": 8, "right": right, "total": 100},
    ]
    path.write_text(json.dumps({"format": 1, "vote": {"agreement_bps": 500}, "acts": acts}))
    return path


def test_a_calibration_raises_the_quorum_to_what_it_supports(tmp_path: Path) -> None:
    """Without one the operator's own; with one the least agreement within the risk, asked of the file itself."""
    assert quorum_bps(settings.load(None)) == 5000
    file = calibration(tmp_path / "good", right=100)
    assert quorum_bps(settings.load(None, vote={"calibration_file": file})) == 8749
    file = calibration(tmp_path / "worse", right=50)
    assert quorum_bps(settings.load(None, vote={"calibration_file": file})) == 9999


def test_sizes_are_derived_only_where_the_operator_asks_for_them(tmp_path: Path) -> None:
    """A calibration alone changes the quorum; with the setting it gives each agreement its size, full or in part."""
    file = calibration(tmp_path / "file", right=95)
    assert sizes(settings.load(None, vote={"calibration_file": file})) is None
    derived = sizes(settings.load(None, vote={"calibration_file": file, "size_by_agreement": True}))
    assert derived is not None
    assert derived.of(8, 8) == 10_000
    assert 4000 < derived.of(7, 8) < 5000


def test_sizes_need_a_calibration() -> None:
    """Without one it is an error in a sentence, not a trade of a guessed size."""
    with pytest.raises(SettingsError, match="size_by_agreement needs a calibration: set calibration_f"):
        settings.load(None, vote={"size_by_agreement": True})


HOSTILE = [
    [{"votes": 9, "asked": 8, "right": 1, "total": 1}],
    [{"votes": 8, "asked": 8, "right": 2, "total": 1}],
    [{"votes": 8, "asked": 8, "right": 10**400, "total": 10**400}],
    [{"votes": 8, "asked": 8, "right": 1, "total": float("inf")}],
    [{"votes": -8, "asked": -8, "right": 1, "total": 1}],
    [{"votes": 8, "asked": 8, "right": 1, "total": 1, "size_bps": 10**9}] * 2,
    {"8": 10_000},
    "[" * 10_000,
]


@pytest.mark.parametrize("acts", HOSTILE)
def test_no_size_comes_of_a_hostile_calibration(tmp_path: Path, acts: object) -> None:
    """Impossible, infinite or repeated counts, and other shapes: one error that names the setting."""
    file = tmp_path / "file"
    file.write_text(json.dumps({"format": 1, "vote": {"agreement_bps": 500}, "acts": acts}))
    given = settings.load(None, vote={"calibration_file": file, "size_by_agreement": True})
    with pytest.raises(SettingsError, match="SENTINEL_VOTE__CALIBRATION_FILE"):
        sizes(given)


def test_no_calibration_gives_more_than_full_size(tmp_path: Path) -> None:
    """Whatever the file boasts of, its own sizes included."""
    file = tmp_path / "file"
    acts = [{"votes": votes, "asked": 8, "right": 10**12, "total": 10**12} for votes in range(1, 9)]
    boast = {"size_by_agreement": {"0.05": [{"agreement_bps": 1, "size_bps": 10**9}]}}
    file.write_text(json.dumps({"format": 1, "vote": {"agreement_bps": 500}, "acts": acts, **boast}))
    derived = sizes(settings.load(None, vote={"calibration_file": file, "size_by_agreement": True}))
    assert derived is not None
    assert {derived.of(votes, 8) for votes in range(1, 9)} == {10_000}


def test_a_calibration_that_cannot_be_used_is_the_operators_to_mend(tmp_path: Path) -> None:
    """Missing, binary, or measured with another tolerance: an error that names the setting, never a looser quorum."""
    missing, binary = tmp_path / "none", tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe\x00")
    other = {"calibration_file": calibration(tmp_path / "file", right=100), "agreement_bps": 300}
    for vote in ({"calibration_file": missing}, {"calibration_file": binary}, {"calibration_file": tmp_path}, other):
        with pytest.raises(SettingsError, match="SENTINEL_VOTE__CALIBRATION_FILE"):
            quorum_bps(settings.load(None, vote=vote))
        with pytest.raises(SettingsError, match="SENTINEL_VOTE__CALIBRATION_FILE"):
            sizes(settings.load(None, vote={**vote, "size_by_agreement": True}))
