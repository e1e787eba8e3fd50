"""Reads secret files: a raw key, a keystore, its password. Errors never quote a file."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from pydantic_core import from_json

from sentinel.config.credentials import only_secret, secret_text
from sentinel.core.errors import SettingsError
from sentinel.observe import redaction

_KEY = re.compile(r"(0x)?[0-9a-fA-F]{64}", re.ASCII)


def read_password(path: Path) -> str:
    """The one line of the file, with its spaces. Raises SettingsError if it is missing or empty, or is not alone."""
    try:
        lines = secret_text(path).split("\n")
    except ValueError as error:
        raise SettingsError(f"password file {error}") from None
    password = lines[0].removesuffix("\r")
    if not password:
        raise SettingsError(f"password file {path} is empty, or its first line is")
    for number, line in enumerate(lines[1:], 2):
        if line.strip():
            raise SettingsError(f"password file {path}, line {number}: the file must hold one line")
    redaction.remember(password)
    return password


def read_key(path: Path) -> bytes:
    """A raw key of 64 hex digits. Raises SettingsError, which never quotes the file."""
    try:
        text = only_secret(path)
    except ValueError as error:
        raise SettingsError(f"key file {error}; it must hold 64 hex digits") from None
    key = bytes.fromhex(text.removeprefix("0x")) if _KEY.fullmatch(text) else b""
    if not any(key):
        raise SettingsError(f"key file {path}: it must hold 64 hex digits")
    return key


def read_keystore(path: Path) -> dict[str, Any]:
    """The keystore as it stands in the file, still encrypted. Raises SettingsError."""
    try:
        text = secret_text(path)
        from_json(text)  # bounds the depth: endless nesting would overflow the stack of json.loads
        keystore = json.loads(text, object_pairs_hook=_distinct)
    except ValueError as error:
        raise SettingsError(f"keystore {path}: {type(error).__name__}; make one with `sentinel wallet new`") from None
    if not isinstance(keystore, dict) or "address" not in keystore:
        raise SettingsError(f"{path} is not a keystore; make one with `sentinel wallet new`")
    return keystore


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object. Raises ValueError if a key stands in it twice."""
    table = dict(pairs)
    if len(table) < len(pairs):
        raise ValueError("a key is written twice")
    return table
