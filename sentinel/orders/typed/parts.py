"""All that an order is made of."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator


def parts(part: object) -> Iterator[object]:
    """The part itself and everything inside it, outermost first."""
    yield part
    if isinstance(part, tuple):
        for item in part:
            yield from parts(item)
    elif dataclasses.is_dataclass(part) and not isinstance(part, type):
        for one in dataclasses.fields(part):
            yield from parts(getattr(part, one.name))
