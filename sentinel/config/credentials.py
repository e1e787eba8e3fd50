"""Secrets as files: what a service manager hands over, and addresses that hold a key.

systemd's credentials and docker's secrets are files. A setting NAME_FILE that nobody gave is looked for in
$CREDENTIALS_DIRECTORY under its own name, without `_FILE`: `wallet.password` for SENTINEL_WALLET__PASSWORD_FILE.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

FILE_SUFFIX = "_file"
NO_SECRETS = ("calibration_file",)


def credential_files(model: type[BaseSettings], environ: Mapping[str, str] = os.environ) -> dict[str, dict[str, Path]]:
    """{group: {field: path}} of every credential that a setting is waiting for."""
    folder = environ.get("CREDENTIALS_DIRECTORY")
    found: dict[str, dict[str, Path]] = {}
    if not folder:
        return found
    for group, info in model.model_fields.items():
        kind = info.annotation
        if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
            continue
        for name in kind.model_fields:
            path = Path(folder) / f"{group}.{name.removesuffix(FILE_SUFFIX)}"
            if name.endswith(FILE_SUFFIX) and name not in NO_SECRETS and path.is_file():
                found.setdefault(group, {})[name] = path
    return found


class Credentials(PydanticBaseSettingsSource):
    """After the environment and `.env`, before the defaults."""

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        return None, field_name, False  # whole groups are given by __call__

    def __call__(self) -> dict[str, Any]:
        return dict(credential_files(self.settings_cls))


def is_credential(path: Path, environ: Mapping[str, str] = os.environ) -> bool:
    """By the service manager, that is, and not named by somebody."""
    folder = environ.get("CREDENTIALS_DIRECTORY")
    return bool(folder) and path.parent == Path(str(folder))


def secret_lines(path: Path) -> list[str]:
    """Of a secret's file, without blank ones. Raises ValueError, which never holds what the file says."""
    try:
        text = path.expanduser().read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} cannot be read: {type(error).__name__}") from None
    found = [line.strip() for line in text.splitlines() if line.strip()]
    if not found:
        raise ValueError(f"{path} is empty")
    return found
