"""Secrets as files: credentials that a service manager provides, and files of addresses that hold a key.

systemd's credentials and docker's secrets are files. A setting NAME_FILE that is not set is looked up in
$CREDENTIALS_DIRECTORY under its own name without `_FILE`: `wallet.password` for SENTINEL_WALLET__PASSWORD_FILE.
Every line of a secret file is read or is an error with its number; an error never quotes the file.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel

FILE_SUFFIX = "_file"
NO_SECRETS = ("calibration_file",)


@dataclass(frozen=True, slots=True)
class Line:
    number: int  # counted from 1, blank lines included
    text: str  # without surrounding space


def credential_files(model: type[BaseModel], environ: Mapping[str, str] = os.environ) -> dict[str, dict[str, Path]]:
    """{group: {field: path}} of every credential that the service manager provides."""
    folder = environ.get("CREDENTIALS_DIRECTORY")
    files: dict[str, dict[str, Path]] = {}
    if not folder:
        return files
    for group, info in model.model_fields.items():
        kind = info.annotation
        if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
            continue
        for name in kind.model_fields:
            path = Path(folder) / f"{group}.{name.removesuffix(FILE_SUFFIX)}"
            if name.endswith(FILE_SUFFIX) and name not in NO_SECRETS and path.is_file():
                files.setdefault(group, {})[name] = path
    return files


def is_credential(path: Path, environ: Mapping[str, str] = os.environ) -> bool:
    """True if the service manager provides the file; False if a setting names it."""
    folder = environ.get("CREDENTIALS_DIRECTORY")
    return bool(folder) and path.parent == Path(str(folder))


def secret_lines(path: Path, *, comments: bool = False) -> list[Line]:
    """The lines of a secret file, without blank ones, and with `comments` without those that begin with `#`.

    Raises ValueError for a file that cannot be read or is empty, for a line with a control character, and for a line
    that stands there twice.
    """
    text = secret_text(path)
    lines = [Line(number, line.strip()) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    if comments:
        lines = [line for line in lines if not line.text.startswith("#")]
    if not lines:
        raise ValueError(f"{path} is empty")
    first: dict[str, int] = {}
    for line in lines:
        if not line.text.isprintable():
            raise ValueError(f"{path}, line {line.number}: a control character or an invisible character")
        if line.text in first:
            raise ValueError(f"{path}, line {line.number}: the same as line {first[line.text]}")
        first[line.text] = line.number
    return lines


def only_secret(path: Path) -> str:
    """The one line of a secret file. Raises ValueError as `secret_lines` does, and for a second line."""
    first, *more = secret_lines(path)
    if more:
        raise ValueError(f"{path}, line {more[0].number}: the file must hold one line")
    return first.text


def secret_text(path: Path) -> str:
    """The text of a secret file. Raises ValueError, which never quotes the file."""
    try:
        return path.expanduser().read_text(encoding="utf-8-sig")
    except (OSError, ValueError, RuntimeError) as error:  # RuntimeError: a home directory that cannot be found
        raise ValueError(f"{path} cannot be read: {type(error).__name__}") from None
