"""Anvil of exactly one version: one on PATH is taken as it is, else it comes from npm into the cache."""

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
    """The package of this platform; none where a fitting Anvil is on PATH or none is published."""
    return [] if on_path() else [package for package in npm.pinned("anvil") if package.name == anvil_package()]


def ready() -> bool:
    """True when there is one."""
    return on_path() or (bool(wanted()) and not npm.missing(wanted()))


def fetch() -> None:
    """Raises SetupError where there is none for this platform, or where it does not run here."""
    packages = wanted()
    if not packages:
        raise SetupError(
            f"npm has no Anvil {version()} for {platform.system()} {platform.machine()}. "
            f"Install Foundry's: `foundryup --install v{version()}`, then run this again."
        )
    npm.fetch_all(packages)
    program = packages[0].folder / "package" / "bin" / "anvil"
    if (told := version_of(program)) != version():
        raise SetupError(f"{program} is not Anvil {version()}, which the simulation needs: {told!r}")


def version() -> str:
    """The pinned one."""
    return npm.pinned("anvil")[0].version


def on_path() -> bool:
    """True where `anvil` on PATH is exactly the pinned version."""
    found = shutil.which("anvil")
    return found is not None and version_of(Path(found)) == version()


def version_of(program: Path) -> str:
    """What it says of itself, without a build's suffix; empty when it does not run."""
    try:
        done = subprocess.run([program, "--version"], capture_output=True, text=True, check=False, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    found = re.search(r"\b(\d+\.\d+\.\d+)", done.stdout)
    return found.group(1) if found else ""
