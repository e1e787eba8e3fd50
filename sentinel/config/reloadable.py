"""Which settings may change while the daemon runs, and what a reload changes. Pure.

Each group of settings names its reloadable ones. The others are fixed because the signer has a copy of them (fee caps,
deadlines), because parts that live as long as the process were built from them (endpoints, fork, wallet, history), or
because the shadow's model decides with them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sentinel.config import renamed
from sentinel.config.group import SettingsGroup
from sentinel.config.settings import PREFIX, Settings
from sentinel.core.edges import settings_edge
from sentinel.core.errors import SettingsError

RELOADABLE = frozenset(
    f"{group}.{name}"
    for group, info in Settings.model_fields.items()
    if isinstance(kind := info.annotation, type) and issubclass(kind, SettingsGroup)
    for name in kind.reloadable
)
SIGNED_FOR = ("limits.max_trade", "limits.max_daily_volume")  # the signer's caps are derived from these at the start


@dataclass(frozen=True, slots=True)
class Change:
    name: str  # as in RELOADABLE
    old: Any
    new: Any

    @property
    def variable(self) -> str:
        return variable(self.name)


def variable(name: str) -> str:
    """'vote.dust' -> 'SENTINEL_VOTE__DUST'."""
    return (PREFIX + name.replace(".", "__")).upper()


def flat(settings: Settings) -> dict[str, Any]:
    """Every value by its dotted name, ready for JSON."""
    values_by_name: dict[str, Any] = {}
    for name, value in settings.model_dump(mode="json").items():
        if isinstance(getattr(settings, name), SettingsGroup):
            values_by_name.update({f"{name}.{inner}": item for inner, item in value.items()})
        else:
            values_by_name[name] = value
    return values_by_name


def flat_names(given: Mapping[str, Any]) -> list[str]:
    """Dotted names of nested values."""
    return [f"{name}.{inner}" for name, item in given.items() if isinstance(item, dict) for inner in item] + [
        name for name, item in given.items() if not isinstance(item, dict)
    ]


def changes(old: Settings, new: Settings) -> tuple[Change, ...]:
    """All settings that differ, reloadable or not, sorted by name."""
    before, after = flat(old), flat(new)
    return tuple(Change(name, before[name], after[name]) for name in sorted(before) if before[name] != after[name])


def check(start: Settings, old: Settings, new: Settings) -> tuple[Change, ...]:
    """The changes that a reload makes. `start` is the settings with which the process started.

    Raises SettingsError with a line for each change that is not possible while the daemon runs.
    """
    changed = changes(old, new)
    problems = [
        f"{change.variable} cannot change while the daemon runs: restart it"
        for change in changed
        if _fixed(change, old)
    ]
    begun = flat(start)
    if old.execution.mode == "live":
        problems += [
            f"{change.variable} was {begun[change.name]:g} at the start, when the signer's caps were set: "
            "restart to raise it"
            for change in changed
            if change.name in SIGNED_FOR and change.new > begun[change.name]
        ]
    if problems:
        raise SettingsError("\n".join(problems))
    return changed


def _fixed(change: Change, old: Settings) -> bool:
    has_shadow = bool(old.shadow.url)
    return change.name not in RELOADABLE or (has_shadow and change.name.startswith("strategy."))


def values(settings: Settings) -> dict[str, Any]:
    """The reloadable settings by name, for the journal."""
    return {name: value for name, value in flat(settings).items() if name in RELOADABLE}


def restored(settings: Settings, kept: Mapping[str, Any]) -> Settings:
    """`settings` with the reloadable values that were in force at an earlier time. Raises SettingsError."""
    whole: dict[str, Any] = settings.model_dump()
    by_name = {renamed.field(name): value for name, value in kept.items()}
    for name in by_name.keys() & RELOADABLE:  # a name of an older Sentinel may be gone
        value = by_name[name]
        group, _, inner = name.rpartition(".")
        (whole[group] if group else whole)[inner] = value
    with settings_edge("the journaled settings do not fit"):
        return Settings.model_validate(whole)
