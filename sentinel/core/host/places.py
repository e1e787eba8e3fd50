"""Where Sentinel's own files lie: in a checkout, in an installed package, and in the user's cache.

Standard library alone: set-up runs this before anything is installed.
"""

from __future__ import annotations

import os
import platform
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[2]
_WHEEL = PACKAGE / "shipped"  # the wheel has here what a checkout has beside the package: see pyproject.toml
INSTALLED = _WHEEL.is_dir()
FILES = _WHEEL if INSTALLED else PACKAGE.parent  # models/, deploy/, requirements/, .env.example; only read


def student_folder() -> Path:
    """The student that comes with Sentinel."""
    return FILES / "models" / "nano"


def workplace() -> Path:
    """Where experiments write: the checkout; without one, the folder that the command runs in."""
    return Path.cwd() if INSTALLED else FILES


def cache_dir() -> Path:
    """Where everything lives that is fetched or built once per user: $SENTINEL_CACHE_DIR, else
    $XDG_CACHE_HOME/sentinel, else ~/.cache/sentinel."""
    if given := os.environ.get("SENTINEL_CACHE_DIR"):
        return Path(given).expanduser().resolve()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base).expanduser() if base else Path.home() / ".cache") / "sentinel"


def data_dir() -> Path:
    """Recorded prices: $SENTINEL_DATA_DIR, else shared/data beside the checkout; without one, data/ in the cache."""
    if given := os.environ.get("SENTINEL_DATA_DIR"):
        return Path(given).expanduser()
    return cache_dir() / "data" if INSTALLED else FILES.parent / "shared" / "data"


def npm_package(name: str, version: str) -> Path:
    """The folder of a published npm package that set-up fetched; its files are below `package/`."""
    return cache_dir() / "artifacts" / f"{name.replace('/', '__')}@{version}"


def serving_environment() -> Path:
    """The Python environment with vLLM and torch; set-up makes it."""
    return cache_dir() / "serve" if INSTALLED else FILES / ".venv-serve"


def anvil_package() -> str:
    """The npm package that holds Anvil for this platform."""
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    return f"@foundry-rs/anvil-{platform.system().lower()}-{machine}"
