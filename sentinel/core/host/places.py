"""Locations of Sentinel's files: in a checkout, in an installed package, and in the user's cache.

Uses the standard library only, because set-up runs it before any package is installed.
"""

from __future__ import annotations

import os
import platform
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[2]
_WHEEL = PACKAGE / "shipped"  # the wheel's copy of the folders beside the package in a checkout: see pyproject.toml
INSTALLED = _WHEEL.is_dir()
FILES = _WHEEL if INSTALLED else PACKAGE.parent  # models/, deploy/, requirements/, .env.example; read-only


def student_folder() -> Path:
    """The folder of the student that ships with Sentinel."""
    return FILES / "models" / "student"


def workplace() -> Path:
    """The folder that experiments write to: the checkout, or the current folder if the package is installed."""
    return Path.cwd() if INSTALLED else FILES


def cache_dir() -> Path:
    """The folder of everything that is fetched or built once per user.

    It is $SENTINEL_CACHE_DIR, else $XDG_CACHE_HOME/sentinel, else ~/.cache/sentinel.
    """
    if folder := os.environ.get("SENTINEL_CACHE_DIR"):
        return Path(folder).expanduser().resolve()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base).expanduser() if base else Path.home() / ".cache") / "sentinel"


def data_dir() -> Path:
    """The own price sets: $SENTINEL_DATA_DIR, else shared/data beside a checkout, else data/ in the cache."""
    if folder := os.environ.get("SENTINEL_DATA_DIR"):
        return Path(folder).expanduser()
    return cache_dir() / "data" if INSTALLED else FILES.parent / "shared" / "data"


def npm_package(name: str, version: str) -> Path:
    """The folder of a published npm package that set-up fetched; its files are below `package/`."""
    return cache_dir() / "artifacts" / f"{name.replace('/', '__')}@{version}"


def serving_environment() -> Path:
    """The Python environment with vLLM and torch, which set-up creates."""
    return cache_dir() / "serve" if INSTALLED else FILES / ".venv-serve"


def anvil_package() -> str:
    """The npm package that holds Anvil for this platform."""
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    return f"@foundry-rs/anvil-{platform.system().lower()}-{machine}"
