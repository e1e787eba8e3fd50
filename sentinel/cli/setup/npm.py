"""Published npm packages, checked and unpacked into the cache: Anvil, the Solidity compiler, and the DEX contracts.

They are other people's work, so they are fetched and never shipped. `npm pack` only downloads: nothing is installed
and none of their scripts run. Each archive must have the pinned sha512, else it is refused.
Layout: CACHE/artifacts/<name with / as __>@<version>/package/...
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from sentinel.cli.setup.common import SetupError, digest, need_program, put_folder, run, say, stamped, write_stamp
from sentinel.core.host.places import npm_package

PINS = Path(__file__).with_name("npm.json")
GET_NODE = "Install Node.js 18 or newer, which brings npm, then run this again."
QUIET = ("--ignore-scripts", "--loglevel=error", "--no-update-notifier")


@dataclass(frozen=True, slots=True)
class Package:
    """One pinned npm package: `bytes` as downloaded, `keep` the path prefixes that are unpacked."""

    name: str
    version: str
    bytes: int
    integrity: str
    keep: tuple[str, ...]

    @property
    def folder(self) -> Path:
        """Where it is unpacked."""
        return npm_package(self.name, self.version)

    @property
    def key(self) -> str:
        """Changes when the pin, or what is kept of it, changes."""
        return digest(self.integrity, "\n".join(self.keep))


def pinned(group: str) -> list[Package]:
    """The pinned packages of a group: anvil (one a platform), solc, contracts, or tests."""
    return [Package(**{**entry, "keep": tuple(entry["keep"])}) for entry in json.loads(PINS.read_text())[group]]


def missing(packages: Iterable[Package]) -> list[Package]:
    """Those that are not in the cache yet."""
    return [package for package in packages if not stamped(package.folder, package.key)]


def fetch_all(packages: Iterable[Package]) -> None:
    """Fetch what is missing; what is there already is left alone, so a cut run goes on where it stopped."""
    for package in missing(packages):
        fetch(package)


def check_node() -> None:
    """Node must be there and new enough, and npm with it."""
    need_program("npm", GET_NODE)
    node = need_program("node", GET_NODE)
    done = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    found = re.match(r"v(\d+)", done.stdout)
    if found is None or int(found.group(1)) < 18:
        raise SetupError(f"Node {done.stdout.strip() or 'of unknown version'} is too old. {GET_NODE}")


def fetch(package: Package) -> None:
    """Download one package, check its sha512 and unpack it in one atomic move."""
    say(f"  npm: {package.name} {package.version} ({package.bytes / 1e6:.1f} MB)")
    package.folder.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=".fetch-", dir=package.folder.parent))
    try:
        archive = download(package, work)
        check(package, archive)
        made = work / "made"
        unpack(archive, made, package.keep)
        write_stamp(made, package.key)
        put_folder(made, package.folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def download(package: Package, into: Path) -> Path:
    """`npm pack` through the user's own npm configuration (registry, proxy, certificates)."""
    npm = need_program("npm", GET_NODE)
    run(
        [npm, "pack", f"{package.name}@{package.version}", "--pack-destination", into, *QUIET],
        failed=f"npm could not download {package.name} {package.version}: check the network, then run this again",
        cwd=into,
        quiet=True,
    )
    found = list(into.glob("*.tgz"))
    if len(found) != 1:
        raise SetupError(f"npm pack left {len(found)} archives for {package.name}; expected one")
    return found[0]


def check(package: Package, archive: Path) -> None:
    """Refuse an archive whose sha512 is not the pinned one."""
    algorithm, _, expected = package.integrity.partition("-")
    actual = base64.b64encode(hashlib.new(algorithm, archive.read_bytes()).digest()).decode()
    if actual != expected:
        raise SetupError(
            f"{package.name} {package.version} has {algorithm} {actual}, but {expected} is pinned: the registry or "
            "something on the way served another file. It was not used."
        )


def unpack(archive: Path, into: Path, keep: tuple[str, ...]) -> None:
    """Write the wanted regular files, and nothing else: no links, no absolute or upward paths."""
    with tarfile.open(archive, "r:gz") as tar:
        for member in tar:
            path = PurePosixPath(member.name)
            inside = "/".join(path.parts[1:])
            if not member.isfile() or ".." in path.parts or path.is_absolute() or not inside.startswith(keep):
                continue
            data = tar.extractfile(member)
            if data is None:
                continue
            target = into / "package" / inside
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data.read())
            if member.mode & 0o100:
                target.chmod(0o755)
    if not (into / "package").is_dir():
        raise SetupError(f"{archive.name} holds none of the files that Sentinel needs")
