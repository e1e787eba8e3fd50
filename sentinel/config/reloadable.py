"""What of the settings may change while the daemon runs, and what a new load of them changes. Pure.

Each group of settings names its own. Left out is what somebody else holds a copy of (fee caps and deadlines: the
signer), what was built for the process's life (endpoints, fork, wallet, history), and what a model beside the cycles
decides upon.
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

RELOADABLE = frozenset({"first_thought"}) | {
    f"{group}.{name}"
    for group, info in Settings.model_fields.items()
    if isinstance(kind := info.annotation, type) and issubclass(kind, SettingsGroup)
    for name in kind.reloadable
}
SIGNED_FOR = ("limits.max_trade", "limits.max_daily_volume")  # the signer's own caps were set by these at the start


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
    """Every value by its dotted name, JSON-ready."""
    found: dict[str, Any] = {}
    for name, value in settings.model_dump(mode="json").items():
        if isinstance(getattr(settings, name), SettingsGroup):
            found.update({f"{name}.{inner}": item for inner, item in value.items()})
        else:
            found[name] = value
    return found


def flat_names(given: Mapping[str, Any]) -> list[str]:
    """Dotted names of nested values."""
    return [f"{name}.{inner}" for name, item in given.items() if isinstance(item, dict) for inner in item] + [
        name for name, item in given.items() if not isinstance(item, dict)
    ]


def changes(old: Settings, new: Settings) -> tuple[Change, ...]:
    """All that differs, reloadable or not, by name."""
    before, after = flat(old), flat(new)
    return tuple(Change(name, before[name], after[name]) for name in sorted(before) if before[name] != after[name])


def check(start: Settings, old: Settings, new: Settings) -> tuple[Change, ...]:
    """What a reload would change. `start`: the settings that the process began with.

    Raises SettingsError with a line for each change that cannot be made while the daemon runs.
    """
    found = changes(old, new)
    wrong = [f"{one.variable} cannot change while the daemon runs: restart it" for one in found if _fixed(one, old)]
    begun = flat(start)
    if old.execution.mode == "live":
        wrong += [
            f"{one.variable} was {begun[one.name]:g} at the start, when the signer's caps were set: restart to raise it"
            for one in found
            if one.name in SIGNED_FOR and one.new > begun[one.name]
        ]
    if wrong:
        raise SettingsError("\n".join(wrong))
    return found


def _fixed(change: Change, old: Settings) -> bool:
    beside = old.analyst.source == "model" or bool(old.shadow.url)
    return change.name not in RELOADABLE or (beside and change.name.split(".")[0] in ("strategy", "first_thought"))


def values(settings: Settings) -> dict[str, Any]:
    """The reloadable ones, for the journal."""
    return {name: value for name, value in flat(settings).items() if name in RELOADABLE}


def restored(settings: Settings, kept: Mapping[str, Any]) -> Settings:
    """`settings` with the reloadable values that were in force at another time. Raises SettingsError."""
    whole: dict[str, Any] = settings.model_dump()
    by_name = {renamed.field(name): value for name, value in kept.items()}
    for name in by_name.keys() & RELOADABLE:  # a name of an older Sentinel may be gone
        value = by_name[name]
        group, _, inner = name.rpartition(".")
        (whole[group] if group else whole)[inner] = value
    with settings_edge("the journaled settings do not fit"):
        return Settings.model_validate(whole)
