"""Anvil of exactly one version, and the Solidity compiler: both from npm, by lock; Foundry's own Anvil serves too.

Afterwards `node_modules/.bin/anvil` is the native program itself. npm would put a Node wrapper there, which outlives
or orphans the real one when it is killed, and puts nothing there when two packages claim the name.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from pathlib import Path

from common import ROOT, SetupError, digest, need_program, run, say, stamped, write_stamp

ANVIL = "1.7.1"
MODULES = ROOT / "node_modules"
LINK = MODULES / ".bin" / "anvil"
GET_NODE = "Install Node.js 18 or newer (it brings npm), then run this again."


def key() -> str:
    """What `node_modules` depends on."""
    return digest(ROOT / "package-lock.json", ROOT / "package.json", platform.machine())


def ready() -> bool:
    """True when both programs are there."""
    return stamped(MODULES, key()) and LINK.exists()


def install() -> None:
    """Install by lock, then put the native Anvil where it is looked for."""
    check_node()
    own = foundry_anvil()
    say(f"  Solidity compiler{'' if own else f', Anvil {ANVIL}'} (npm, {3 if own else 28} MB)")
    npm = need_program("npm", GET_NODE)
    command = [npm, "ci", "--ignore-scripts", "--loglevel=error", *(["--omit=optional"] if own else [])]
    run(command, failed="npm could not install its packages: check the network, then run this again", quiet=True)
    native = own or packaged_anvil()
    if anvil_version(native) != ANVIL:
        raise SetupError(f"{native} is not Anvil {ANVIL}, which the simulation needs: {anvil_version(native)!r}")
    LINK.parent.mkdir(exist_ok=True)
    LINK.unlink(missing_ok=True)
    LINK.symlink_to(os.path.relpath(native, LINK.parent) if native.is_relative_to(MODULES) else native)
    write_stamp(MODULES, key())


def check_node() -> None:
    """Node must be there and new enough, and npm with it."""
    need_program("npm", GET_NODE)
    node = need_program("node", GET_NODE)
    done = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    found = re.match(r"v(\d+)", done.stdout)
    if found is None or int(found.group(1)) < 18:
        raise SetupError(f"Node {done.stdout.strip() or 'of unknown version'} is too old. {GET_NODE}")


def packaged_anvil() -> Path:
    """The native program in the package for this platform."""
    found = sorted(MODULES.glob("@foundry-rs/anvil-*/bin/anvil*"))
    if not found:
        raise SetupError(
            f"npm has no Anvil {ANVIL} for {platform.system()} {platform.machine()}. "
            f"Install Foundry's: `foundryup --install v{ANVIL}`, then run this again."
        )
    return found[0]


def foundry_anvil() -> Path | None:
    """An `anvil` on PATH, if it is exactly the pinned version."""
    found = shutil.which("anvil")
    return Path(found).resolve() if found and anvil_version(Path(found)) == ANVIL else None


def anvil_version(program: Path) -> str:
    """What it says of itself, without a build's suffix; empty when it does not run."""
    try:
        done = subprocess.run([program, "--version"], capture_output=True, text=True, check=False, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    found = re.search(r"\b(\d+\.\d+\.\d+)", done.stdout)
    return found.group(1) if found else ""
