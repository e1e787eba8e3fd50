"""Anvil of exactly one version: the one on PATH if it fits, else from npm into the cache."""

from __future__ import annotations

import platform
import re
import shutil
import subprocess
from pathlib import Path

from sentinel.cli.setup import npm
from sentinel.cli.setup.common import SetupError
from sentinel.core.host.places import anvil_package


def wanted() -> list[npm.Package]:
    """The npm package of this platform. Empty if a fitting Anvil is on PATH or if none is published."""
    return [] if on_path() else [package for package in npm.pinned("anvil") if package.name == anvil_package()]


def ready() -> bool:
    """Whether a fitting Anvil is installed."""
    return on_path() or (bool(wanted()) and not npm.missing(wanted()))


def fetch() -> None:
    """Download Anvil. Raises SetupError if none is published for this platform, or if it does not run here."""
    packages = wanted()
    if not packages:
        raise SetupError(
            f"npm has no Anvil {version()} for {platform.system()} {platform.machine()}. "
            f"Install Foundry's: `foundryup --install v{version()}`, then run this again."
        )
    npm.fetch_all(packages)
    program = packages[0].folder / "package" / "bin" / "anvil"
    if (actual := version_of(program)) != version():
        raise SetupError(f"{program} is not Anvil {version()}, which the simulation needs: {actual!r}")


def version() -> str:
    """The pinned version."""
    return npm.pinned("anvil")[0].version


def on_path() -> bool:
    """Whether `anvil` on PATH has exactly the pinned version."""
    program = shutil.which("anvil")
    return program is not None and version_of(Path(program)) == version()


def version_of(program: Path) -> str:
    """The version that a program reports, without a build's suffix; empty if it does not run."""
    try:
        done = subprocess.run([program, "--version"], capture_output=True, text=True, check=False, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    number = re.search(r"\b(\d+\.\d+\.\d+)", done.stdout)
    return number.group(1) if number else ""
