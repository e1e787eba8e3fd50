"""An old name of a setting is refused by its new one; what a journal kept under it is still read."""

from __future__ import annotations

from pathlib import Path

import pytest

from sentinel.cli.common import explicit
from sentinel.config import renamed, settings
from sentinel.config.reloadable import restored
from sentinel.core.errors import SettingsError

OLD, NEW = "SENTINEL_LIMITS__BIGGEST_TRADE", "SENTINEL_LIMITS__MAX_TRADE"
SAID = f"has a new name: set {NEW} instead"


@pytest.fixture(autouse=True)
def _one_old_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """None of the caller's settings, a folder without a .env, and one more name that was changed."""
    for name in settings.names():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    table = {**renamed.RENAMED, OLD: NEW}
    monkeypatch.setattr(renamed, "RENAMED", table)


def test_an_old_name_in_the_environment_is_refused_by_its_new_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says what to set, however the variable is written."""
    monkeypatch.setenv(OLD, "5")
    with pytest.raises(SettingsError) as refused:
        settings.load()
    assert str(refused.value) == f"environment: {OLD}=5 {SAID}"


def test_an_old_name_in_the_file_or_on_the_line_is_refused_too(tmp_path: Path) -> None:
    """`.env` and --set are held to the same names."""
    (tmp_path / ".env").write_text(f"{OLD}=5\n")
    with pytest.raises(SettingsError, match=f"line 1: {OLD}=5 {SAID}"):
        settings.load(tmp_path / ".env")
    with pytest.raises(SettingsError, match=SAID):
        settings.load(None, **explicit(["limits.biggest_trade=5"]))


def test_a_journaled_value_under_an_old_name_is_restored() -> None:
    """`sentinel replay` decides by the limits of the time, also where they have a new name by now."""
    now = settings.load(None)
    assert restored(now, {"limits.biggest_trade": 5.0}).limits.max_trade == 5.0


def test_every_old_name_is_gone_and_every_new_one_is_a_setting() -> None:
    """A row of the table that leads nowhere would send the operator in a circle."""
    known, table = settings.names().keys(), dict(renamed.RENAMED)
    del table[OLD]
    assert not table.keys() & known
    assert set(table.values()) <= known
