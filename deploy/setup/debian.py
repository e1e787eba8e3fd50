"""Debian's tools that `make ops-check` and tests/ops run: Prometheus, Alertmanager, docker-compose and others.

What is on PATH is taken as it is. Prometheus and Alertmanager are otherwise unpacked into the cache, since installing
them would start their services on this machine; the rest is installed, which needs root.
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
    "procps": ("kill",),  # the service's ExecReload, which systemd-analyze looks for
    "wget": ("wget",),  # the monitoring images' health checks
}
SHARE = b"/usr/share/prometheus"  # where Debian's Alertmanager has its template and Prometheus its pages


def folder() -> Path:
    """Where unpacked tools lie."""
    return cache_dir() / "tools"


def find(program: str) -> str | None:
    """The path of a tool, wherever it came from; None where it is not here."""
    packages = [package for package, programs in UNPACKED.items() if program in programs]
    places = [str(folder() / package / "usr/bin") for package in packages]
    return shutil.which(program) or shutil.which(program, path=os.pathsep.join(places))


def command(program: str) -> list[str]:
    """How to start a tool; its arguments follow. Raises SetupError where it is not here."""
    found = find(program)
    if found is None:
        raise SetupError(f"{program} is not here: run `python3 deploy/setup/debian.py` (Debian, as root)")
    path = Path(found)
    if not path.is_relative_to(folder()):
        return [found]
    return ["env", f"--chdir={path.parents[2]}", found]  # see `movable`


def missing(packages: Packages) -> list[str]:
    """The packages of which a program is not here."""
    return [package for package, programs in packages.items() if not all(find(program) for program in programs)]


def main(arguments: list[str]) -> int:
    """Fetch what is missing. With --if-possible a machine that cannot is told so, and that is no error."""
    try:
        fetch()
    except (SetupError, OSError) as error:
        say(f"tools: {error}")
        return 0 if arguments == ["--if-possible"] else 1
    return 0


def fetch() -> None:
    """Raises SetupError with what to do by hand."""
    wanted = missing(UNPACKED) + missing(INSTALLED)
    if not wanted:
        return
    if shutil.which("apt-get") is None:
        raise SetupError(f"this is no Debian; install by hand: {' '.join(wanted)} (Debian's names)")
    say(f"tools: fetching {', '.join(wanted)} of Debian")
    if unpacked := missing(UNPACKED):
        update()
        for package in unpacked:
            unpack(package)
    install(missing(INSTALLED))
    say("tools: done")


def unpack(package: str) -> None:
    """One package's files below the cache, nothing installed and no service started."""
    folder().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder()) as work:
        subprocess.run(["chmod", "a+rwx", work], check=True)  # apt-get downloads as a user of its own
        failed = f"{package} could not be fetched"
        run(["apt-get", "download", "-qq", package], failed=failed, cwd=Path(work), quiet=True)
        archive = next(Path(work).glob("*.deb"))
        made = Path(work) / "made"
        run(["dpkg-deb", "-x", archive, made], failed=f"{package} could not be unpacked", quiet=True)
        for program in (made / "usr/bin").iterdir():
            program.write_bytes(movable(program.read_bytes()))
        put_folder(made, folder() / package)


def movable(program: bytes) -> bytes:
    """Debian builds the absolute path of a package's files into its programs, and these files are not there where the
    package is only unpacked. The same path relative to the package's own root is as long with a slash more within."""
    return program.replace(SHARE, SHARE[1:] + b"/")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
