"""Canonical JSON of the frozen values: each value has exactly one text, and the text gives an equal value back.

Dataclasses carry their name under "$", bytes are 0x-hex, ints beyond 2**53 are decimal strings (so that other JSON
readers do not round them), and keys are sorted. The text is pure ASCII, whatever a model wrote. A field with the
metadata `"journaled": False` is left out; it must have a default, and take no part in comparisons.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import math
import types as pytypes
import typing
from collections.abc import Mapping
from enum import Enum
from typing import Any, TypeVar

from sentinel.core import (
    actions,
    decision,
    market_state,
    network,
    record,
    simulation,
    spent,
    transaction,
)

T = TypeVar("T")

SAFE_INT = 2**53
_MODULES = (network, market_state, spent, actions, simulation, decision, transaction, record)
_CLASSES: dict[str, type[Any]] = {
    name: value
    for module in _MODULES
    for name, value in vars(module).items()
    if isinstance(value, type) and dataclasses.is_dataclass(value) and value.__module__ == module.__name__
}
_FIELDS = {
    kind: tuple(field.name for field in dataclasses.fields(kind) if field.metadata.get("journaled", True))
    for kind in _CLASSES.values()
}


def dumps(value: object) -> str:
    """The canonical text of a value: a frozen dataclass of `core`, a mapping with str keys, a sequence or a scalar.

    Raises TypeError for any other value.
    """
    return canonical(encode(value))


def loads(kind: type[T], text: str) -> T:
    """The value of type `kind` whose `dumps` is `text`. Raises ValueError if the text does not hold that type."""
    value: T = decode(kind, json.loads(text))
    return value


def canonical(plain: object) -> str:
    """The canonical text of plain JSON values. Raises ValueError for NaN and infinities."""
    return json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def encode(value: object) -> Any:
    """`value` as plain JSON values (dict, list, str, int, float, bool, None). Raises TypeError as `dumps` does."""
    kind = type(value)
    if value is None or kind is str or kind is bool:
        return value
    if kind is int:
        return _encode_int(value)  # type: ignore[arg-type]
    if kind is float and math.isfinite(value):  # type: ignore[arg-type]
        return value
    if kind is tuple or kind is list:
        return [encode(item) for item in value]  # type: ignore[attr-defined]
    if kind is dict and all(type(key) is str for key in value):  # type: ignore[attr-defined]
        return {key: encode(item) for key, item in value.items()}  # type: ignore[attr-defined]
    if (names := _FIELDS.get(kind)) is not None:
        plain: dict[str, Any] = {"$": kind.__name__}
        for name in names:
            plain[name] = encode(getattr(value, name))
        return plain
    return _encode_rarer(value)


def _encode_rarer(value: object) -> Any:
    """`encode` for types that are rare in records, and for subclasses of the plain types."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, float):
        return value if math.isfinite(value) else repr(value)
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise TypeError("mapping keys must be str")
        return {key: encode(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [encode(item) for item in value]
    if isinstance(value, str):
        return str(value)
    if isinstance(value, int):
        return _encode_int(value)
    raise TypeError(f"{type(value).__name__} has no canonical form")


def _encode_int(value: int) -> int | str:
    return value if -SAFE_INT < value < SAFE_INT else str(value)


def decode(hint: Any, plain: Any) -> Any:
    """The inverse of `encode` for the expected type `hint`. Raises ValueError if `plain` does not have that type."""
    if isinstance(hint, typing.NewType):
        hint = hint.__supertype__
    origin = typing.get_origin(hint)
    if origin in (typing.Union, pytypes.UnionType):
        return _decode_union(typing.get_args(hint), plain)
    if origin is tuple:
        items = typing.get_args(hint)
        if len(items) == 2 and items[1] is Ellipsis:
            return tuple(decode(items[0], item) for item in plain)
        return tuple(decode(item_hint, item) for item_hint, item in zip(items, plain, strict=True))
    if isinstance(origin, type) and issubclass(origin, Mapping):
        _, item_hint = typing.get_args(hint)
        return {key: decode(item_hint, item) for key, item in plain.items()}
    if origin is typing.Literal or hint in (str, bool):
        return plain
    if hint is int or hint is float:
        return hint(plain)
    if hint is bytes:
        return bytes.fromhex(plain.removeprefix("0x"))
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return _decode_dataclass(hint, plain)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return hint(plain)
    raise ValueError(f"no canonical form for {hint}")


def _decode_union(options: tuple[Any, ...], plain: Any) -> Any:
    if plain is None:
        return None
    if isinstance(plain, dict) and "$" in plain:
        kind = _CLASSES.get(plain["$"])
        if kind is None or kind not in options:
            raise ValueError(f"{plain['$']} is not one of {options}")
        return _decode_dataclass(kind, plain)
    (only,) = [option for option in options if option is not type(None)]
    return decode(only, plain)


def _decode_dataclass(kind: type[Any], plain: Any) -> Any:
    if not isinstance(plain, dict) or plain.get("$") != kind.__name__:
        raise ValueError(f"not a {kind.__name__}: {str(plain)[:80]}")
    hints = _hints(kind.__name__)
    return kind(**{name: decode(hints[name], item) for name, item in plain.items() if name != "$"})


@functools.cache
def _hints(name: str) -> dict[str, Any]:
    return typing.get_type_hints(_CLASSES[name])
