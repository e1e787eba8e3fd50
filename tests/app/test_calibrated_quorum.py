"""The quorum in force, with a calibration and without."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sentinel import settings
from sentinel.calibrated import quorum_bps
from sentinel.errors import SettingsError


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


def test_a_calibration_that_cannot_be_used_is_the_operators_to_mend(tmp_path: Path) -> None:
    """Missing, binary, or measured with another tolerance: an error that names the setting, never a looser quorum."""
    missing, binary = tmp_path / "none", tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe\x00")
    other = {"calibration_file": calibration(tmp_path / "file", right=100), "agreement_bps": 300}
    for vote in ({"calibration_file": missing}, {"calibration_file": binary}, {"calibration_file": tmp_path}, other):
        with pytest.raises(SettingsError, match="SENTINEL_VOTE__CALIBRATION_FILE"):
            quorum_bps(settings.load(None, vote=vote))
