"""Debian's tools that tests run: Prometheus, Alertmanager, docker-compose and others, and a browser for the page.

A tool on PATH is used as it is. Otherwise Prometheus and Alertmanager are unpacked into the cache, since their
installation would start services on this machine; the others are installed, which needs root.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from common import SetupError, cache_dir, put_folder, run, say

from sentinel.cli.setup.debian import install, update

Packages = dict[str, tuple[str, ...]]  # the programs of each package

UNPACKED: Packages = {
    "prometheus": ("prometheus", "promtool"),
    "prometheus-alertmanager": ("prometheus-alertmanager", "amtool"),
}
INSTALLED: Packages = {
    "docker-compose": ("docker-compose",),
    "systemd": ("systemd-analyze",),
    "procps": ("kill",),  # used by the service's ExecReload; systemd-analyze checks that it exists
    "wget": ("wget",),  # the monitoring images' health checks
    "chromium": ("chromium",),  # opens the status page
}
SHARE = b"/usr/share/prometheus"  # Alertmanager's template and Prometheus's pages in Debian's packages


def folder() -> Path:
    """The folder of the unpacked tools."""
    return cache_dir() / "tools"


def find(program: str) -> str | None:
    """The path of a tool on PATH or in the cache; None if it is not installed."""
    packages = [package for package, programs in UNPACKED.items() if program in programs]
    places = [str(folder() / package / "usr/bin") for package in packages]
    return shutil.which(program) or shutil.which(program, path=os.pathsep.join(places))


def command(program: str) -> list[str]:
    """The command line that starts a tool, without arguments. Raises SetupError if the tool is not installed."""
    location = find(program)
    if location is None:
        raise SetupError(f"{program} is not installed: run `python3 deploy/setup/debian.py` (Debian, as root)")
    path = Path(location)
    if not path.is_relative_to(folder()):
        return [location]
    return ["env", f"--chdir={path.parents[2]}", location]  # see `movable`


def missing(packages: Packages) -> list[str]:
    """The packages of which at least one program is not installed."""
    return [package for package, programs in packages.items() if not all(find(program) for program in programs)]


def main(arguments: list[str]) -> int:
    """Fetch what is missing. Returns the exit code. With --if-possible a failure is printed and the exit code is 0."""
    try:
        fetch()
    except (SetupError, OSError) as error:
        say(f"tools: {error}")
        return 0 if arguments == ["--if-possible"] else 1
    return 0


def fetch() -> None:
    """Fetch the missing tools. Raises SetupError, which says what to install by hand."""
    packages = missing(UNPACKED) + missing(INSTALLED)
    if not packages:
        return
    if shutil.which("apt-get") is None:
        raise SetupError(f"this is not Debian; install by hand: {' '.join(packages)} (Debian's names)")
    say(f"tools: fetching {', '.join(packages)} from Debian")
    if unpacked := missing(UNPACKED):
        update()
        for package in unpacked:
            unpack(package)
    install(missing(INSTALLED))
    say("tools: done")


def unpack(package: str) -> None:
    """Unpack one package into the cache. Nothing is installed and no service starts."""
    folder().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder()) as work:
        subprocess.run(["chmod", "a+rwx", work], check=True)  # apt-get downloads as another user
        failed = f"{package} could not be fetched"
        run(["apt-get", "download", "-qq", package], failed=failed, cwd=Path(work), quiet=True)
        archive = next(Path(work).glob("*.deb"))
        made = Path(work) / "made"
        run(["dpkg-deb", "-x", archive, made], failed=f"{package} could not be unpacked", quiet=True)
        for program in (made / "usr/bin").iterdir():
            program.write_bytes(movable(program.read_bytes()))
        put_folder(made, folder() / package)


def movable(program: bytes) -> bytes:
    """The bytes of a program with the absolute path of its files made relative to the package's root.

    Debian builds that path into its programs, but an unpacked package has no files there. The relative path gets a
    second slash, so that its length stays the same.
    """
    return program.replace(SHARE, SHARE[1:] + b"/")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
