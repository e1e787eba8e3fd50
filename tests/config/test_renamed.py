"""An old name of a setting is refused by its new one or by what to do instead; journals that hold it are still read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sentinel.cli.common import explicit
from sentinel.config import renamed, settings
from sentinel.config.reloadable import restored
from sentinel.core.errors import SettingsError

OLD, NEW = "SENTINEL_LIMITS__BIGGEST_TRADE", "SENTINEL_LIMITS__MAX_TRADE"
SAID = f"has a new name: set {NEW} instead"
WITHOUT_A_MODEL = "remove it. No model moves the target weights any more; an approved order states its own"
INSTEAD = "an approved order states its own"


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


@pytest.mark.parametrize(
    "variable", ["SENTINEL_ANALYST__SOURCE", "sentinel_analyst__source", "SENTINEL_ANALYST__EVERY"]
)
def test_a_removed_setting_is_refused_with_what_to_do_instead(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    """Even under the name that it had before it was renamed. Nothing is ignored, not even the old default."""
    for value in ("model", "settings"):
        monkeypatch.setenv(variable, value)
        with pytest.raises(SettingsError) as refused:
            settings.load()
        assert str(refused.value) == f"environment: {variable}={value} is gone: {WITHOUT_A_MODEL}"


@pytest.mark.parametrize("variable", ["SENTINEL_MODEL__TRADES", "SENTINEL_FIRST_THOUGHT"])
def test_what_the_student_always_does_needs_no_setting(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    """The old values are refused too, with a sentence that says what the student does."""
    monkeypatch.setenv(variable, "order")
    with pytest.raises(SettingsError, match=rf"environment: {variable}=order is gone: remove it: .*approved"):
        settings.load(None)


def test_a_removed_group_is_refused_on_the_line_and_in_the_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("SENTINEL_ANALYST__MAX_WEIGHT_BPS=WETH=4000\n")
    with pytest.raises(SettingsError, match=rf"MAX_WEIGHT_BPS=WETH=4000 is gone: .*{INSTEAD}"):
        settings.load(tmp_path / ".env")
    with pytest.raises(SettingsError, match=INSTEAD):
        settings.load(None, **explicit(["analyst.source=model"]))
    with pytest.raises(SettingsError, match=INSTEAD):
        settings.require_name("SENTINEL_ANALYST__SOURCE", "model")


def test_a_removed_setting_is_none_of_the_known_ones() -> None:
    """And each setting that an advice names exists."""
    known = settings.names().keys()
    assert not renamed.SAID_BY_ORDERS.keys() & known
    advices = [renamed.removed(name, value) or "" for name in renamed.SAID_BY_ORDERS for value in ("", "triangle")]
    assert all(advices)
    assert {name for advice in advices for name in re.findall(r"SENTINEL_\w+", advice)} <= known


def test_every_old_name_is_gone_and_every_new_one_is_a_setting() -> None:
    """A row of the table that leads nowhere would send the operator in a circle."""
    known, table = settings.names().keys(), dict(renamed.RENAMED)
    del table[OLD]
    assert not table.keys() & known
    assert set(table.values()) <= known
