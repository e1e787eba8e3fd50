"""Published npm packages, checked and unpacked into the cache: Anvil, the Solidity compiler and the DEX contracts.

They belong to other projects, so Sentinel downloads them and never ships them. `npm pack` only downloads: it installs
nothing and runs no script of a package. An archive whose sha512 is not the pinned one is refused.
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
    """One pinned npm package. `bytes` is the size of the download; `keep` holds the path prefixes that are unpacked."""

    name: str
    version: str
    bytes: int
    integrity: str
    keep: tuple[str, ...]

    @property
    def folder(self) -> Path:
        """The folder that it is unpacked into."""
        return npm_package(self.name, self.version)

    @property
    def key(self) -> str:
        """The stamp's key: it changes with the pin and with `keep`."""
        return digest(self.integrity, "\n".join(self.keep))


def pinned(group: str) -> list[Package]:
    """The pinned packages of a group: anvil (one per platform), solc, contracts, tests or page."""
    return [Package(**{**entry, "keep": tuple(entry["keep"])}) for entry in json.loads(PINS.read_text())[group]]


def missing(packages: Iterable[Package]) -> list[Package]:
    """The packages that are not in the cache yet."""
    return [package for package in packages if not stamped(package.folder, package.key)]


def fetch_all(packages: Iterable[Package]) -> None:
    """Download the missing packages. Complete ones stay, so an interrupted run continues where it stopped."""
    for package in missing(packages):
        fetch(package)


def check_node() -> None:
    """Raises SetupError if npm or Node is missing, or if Node is older than version 18."""
    need_program("npm", GET_NODE)
    node = need_program("node", GET_NODE)
    done = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    major = re.match(r"v(\d+)", done.stdout)
    if major is None or int(major.group(1)) < 18:
        raise SetupError(f"Node {done.stdout.strip() or 'of unknown version'} is too old. {GET_NODE}")


def fetch(package: Package) -> None:
    """Download one package, check its sha512, and unpack it with one atomic move."""
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
    """Run `npm pack` with the user's own npm configuration (registry, proxy, certificates). Returns the archive."""
    npm = need_program("npm", GET_NODE)
    run(
        [npm, "pack", f"{package.name}@{package.version}", "--pack-destination", into, *QUIET],
        failed=f"npm could not download {package.name} {package.version}: check the network, then run this again",
        cwd=into,
        quiet=True,
    )
    archives = list(into.glob("*.tgz"))
    if len(archives) != 1:
        raise SetupError(f"npm pack left {len(archives)} archives for {package.name}; expected one")
    return archives[0]


def check(package: Package, archive: Path) -> None:
    """Raises SetupError if the archive's sha512 is not the pinned one."""
    algorithm, _, expected = package.integrity.partition("-")
    actual = base64.b64encode(hashlib.new(algorithm, archive.read_bytes()).digest()).decode()
    if actual != expected:
        raise SetupError(
            f"{package.name} {package.version} has {algorithm} {actual}, but {expected} is pinned: the registry or "
            "something on the way served another file. It was not used."
        )


def unpack(archive: Path, into: Path, keep: tuple[str, ...]) -> None:
    """Unpack the regular files below `keep` and nothing else: no links, no absolute paths, no `..`."""
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
