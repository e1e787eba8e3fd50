"""Reads secret files: a raw key, a keystore, its password. Errors never quote a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sentinel.core.errors import SettingsError
from sentinel.observe import redaction


def read_password(path: Path) -> str:
    """The first line of the file. Raises SettingsError if it is missing or empty."""
    try:
        lines = path.expanduser().read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"password file {path}: {type(error).__name__}") from None
    if not lines or not lines[0]:
        raise SettingsError(f"password file {path} is empty")
    redaction.remember(lines[0])
    return lines[0]


def read_key(path: Path) -> bytes:
    """A raw key of 64 hex digits. Raises SettingsError, which never quotes the file."""
    try:
        text = path.expanduser().read_text().strip()
        key = bytes.fromhex(text.removeprefix("0x"))
    except (OSError, ValueError) as error:
        raise SettingsError(f"key file {path}: {type(error).__name__}; it must hold 64 hex digits") from None
    if len(key) != 32 or not any(key):
        raise SettingsError(f"key file {path}: it must hold 64 hex digits")
    return key


def read_keystore(path: Path) -> dict[str, Any]:
    """The keystore as it stands in the file, still encrypted. Raises SettingsError."""
    try:
        keystore = json.loads(path.expanduser().read_text())
    except (OSError, ValueError) as error:
        raise SettingsError(f"keystore {path}: {type(error).__name__}; make one with `sentinel wallet new`") from None
    if not isinstance(keystore, dict) or "address" not in keystore:
        raise SettingsError(f"{path} is not a keystore; make one with `sentinel wallet new`")
    return keystore
