"""Shared by all set-up steps: the error type, stamps, atomic writes, and running a command."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from sentinel.core.errors import OperatorError
from sentinel.core.host.files import write_atomic
from sentinel.core.host.places import FILES

STAMP = ".sentinel-stamp"


class SetupError(OperatorError):
    """Set-up cannot continue; the message says what is wrong and how the user can fix it."""


def say(text: str) -> None:
    """Print one line of progress and flush it, since set-up is often watched through a pipe."""
    print(text, flush=True)


def digest(*parts: bytes | str | Path) -> str:
    """A SHA-256 over texts and file contents. If a step's stamp holds the same digest, the step has nothing to do."""
    total = hashlib.sha256()
    for part in parts:
        data = part.read_bytes() if isinstance(part, Path) else part.encode() if isinstance(part, str) else part
        total.update(len(data).to_bytes(8, "big") + data)
    return total.hexdigest()


def stamped(folder: Path, key: str) -> bool:
    """Whether the stamp of `folder` holds exactly this key."""
    try:
        return (folder / STAMP).read_text() == key
    except OSError:
        return False


def write_stamp(folder: Path, key: str) -> None:
    """Mark `folder` as finished under `key`. The write is atomic: an interruption leaves no stamp or a whole one."""
    write_atomic(folder / STAMP, key.encode())


def put_folder(made: Path, target: Path) -> None:
    """Move a finished temporary folder to `target`, replacing an older one."""
    if target.exists():
        shutil.rmtree(target)
    os.replace(made, target)


def need_program(name: str, how: str) -> str:
    """The path of a program. Raises SetupError with `how`, which says how to install it."""
    if found := shutil.which(name):
        return found
    raise SetupError(f"`{name}` is not on PATH. {how}")


def run(
    command: Sequence[str | Path],
    *,
    failed: str,
    env: Mapping[str, str] | None = None,
    cwd: Path = FILES,
    quiet: bool = False,
) -> str:
    """Run a command and return its standard output.

    Its output goes straight to the terminal unless `quiet`; then it is shown only if the command fails.
    Raises SetupError, with `failed` as its first line.
    """
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**os.environ, **(env or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE if quiet else None,
        stderr=subprocess.PIPE if quiet else None,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        detail = "\n".join((done.stderr or done.stdout or "").strip().splitlines()[-15:])
        raise SetupError(f"{failed} (exit code {done.returncode})" + (f"\n{detail}" if detail else ""))
    return done.stdout or ""


def is_tty() -> bool:
    """Whether a person can answer a question."""
    return sys.stdin.isatty() and sys.stdout.isatty()
