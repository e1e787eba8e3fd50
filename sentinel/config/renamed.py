"""Settings that have a new name. An old name is refused with an error that says the new one; nothing reads it.

Journals are older than names: what they recorded under an old name is read as the setting of the new one.
"""

from __future__ import annotations

from collections.abc import Mapping

RENAMED: Mapping[str, str] = {}  # old variable -> new variable


def field(name: str) -> str:
    """'limits.old' -> 'limits.new'; a name that was never changed is returned as it is."""
    variable = RENAMED.get(f"SENTINEL_{name.replace('.', '__')}".upper())
    return variable.removeprefix("SENTINEL_").lower().replace("__", ".") if variable else name
