"""`make fresh-check`: prove that both commands of the README work on an empty machine.

It makes an empty Debian 12 in a folder, clones the last commit into it, mounts the market data beside the clone, and
runs `make demo` and then `make test` as CI does. This machine's package sources (proxies, mirrors, certificates) are
passed on; home and caches are empty. It needs root, for mounts and for installing packages.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import client
from common import ROOT, SetupError, run, say

LOG = ROOT / "build" / "fresh-check.log"
PACKAGES = ("python3", "python3-venv", "nodejs", "npm", "git", "make", "ca-certificates")
PLACE = "root/sentinel"  # the clone; the data are beside it, at the default of SENTINEL_DATA_DIR
LIMIT = 3 * 3600  # seconds for one command; a longer one counts as hung

# The mounts exist only for this process tree. They end with its last process, however it ends, so the removal of the
# root afterwards cannot delete anything through a mount.
NAMESPACE = ["unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child"]
ENTER = """
set -eu
root=$1; shift
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=666 devpts "$root/dev/pts"
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
for n in 0:stdin 1:stdout 2:stderr; do ln -s "/proc/self/fd/${n%:*}" "$root/dev/${n#*:}"; done
for n in null zero full random urandom tty; do touch "$root/dev/$n"; mount --bind "/dev/$n" "$root/dev/$n"; done
while [ "$1" != -- ]; do # pairs of a path of this machine and its read-only place in the root
    if [ -d "$1" ]; then mkdir -p "$root$2"; else mkdir -p "$root${2%/*}"; touch "$root$2"; fi
    mount --bind "$1" "$root$2"
    mount -o remount,bind,ro "$root$2"
    shift 2
done
shift
mkdir -p "$root/.machine"
cd "$root"
pivot_root . .machine
umount -l /.machine
rmdir /.machine
code=0
"$@" || code=$?
exit "$code" # not exec: the first process of the namespace must reap orphans
"""


@dataclass
class Check:
    """One fresh root, its log, and the results of its steps."""

    root: Path
    log: IO[bytes]
    done: list[str] = field(default_factory=list)

    def step(self, title: str, run_step: Callable[[], int]) -> bool:
        """Run one step and note its time. Returns whether it passed."""
        self.print_line(f"--- {title}")
        begun = time.monotonic()
        code = run_step()
        self.done.append(
            f"{'passed' if code == 0 else f'FAILED ({code})':<12} {time.monotonic() - begun:6.0f} s  {title}"
        )
        return code == 0

    def print_line(self, line: str) -> None:
        """Print a line and write it to the log."""
        say(line)
        self.log.write(f"{line}\n".encode())
        self.log.flush()

    def stream(self, command: Sequence[str | Path], limit: float = LIMIT) -> int:
        """Run a command and copy its output to the log and to stdout. Returns its exit code; `limit` is in seconds."""
        with subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        ) as child:
            signal.signal(signal.SIGALRM, lambda *_: child.kill())
            signal.alarm(int(limit))
            try:
                assert child.stdout is not None
                for line in child.stdout:
                    self.log.write(line)
                    self.log.flush()
                    sys.stdout.buffer.write(line)
                    sys.stdout.buffer.flush()
                return child.wait()
            finally:
                signal.alarm(0)
                if child.poll() is None:  # Ctrl-C reached its children too: give them time to end, then kill it
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        child.wait(30)
                    child.kill()

    def inside(self, *command: str, cwd: str = "/", **settings: str) -> int:
        """Run a command in the fresh root. Its environment holds only package sources, `settings` and the basics."""
        environment = {"HOME": "/root", "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
        environment |= {"LANG": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive", **client.environment(), **settings}
        binds = [(path, str(path)) for path in client.folders()] + [(data(), f"/{PLACE}/../shared/data")]
        enter = ["bash", "-c", ENTER, "enter", str(self.root)]
        pairs = [os.path.normpath(part) for pair in binds for part in pair]
        clean = ["env", "-i", f"--chdir={cwd}", *(f"{name}={value}" for name, value in environment.items())]
        return self.stream([*NAMESPACE, *enter, *pairs, "--", *clean, *command])


def data() -> Path:
    """The market data of this machine."""
    return (ROOT / os.environ.get("SENTINEL_DATA_DIR", "../shared/data")).resolve()


def main(arguments: list[str]) -> int:
    """Returns the exit code: 0 if both commands passed."""
    parser = argparse.ArgumentParser(prog="fresh_check.py", description="Both README commands on an empty Debian 12.")
    parser.add_argument("--blocks", default="10", help="number of blocks that the demo trades")
    parser.add_argument("--pytest", default="", help="narrows `make test`, e.g. tests/ops")
    parser.add_argument("--keep", action="store_true", help="keep the root for inspection")
    given = parser.parse_args(arguments)
    for number in (signal.SIGINT, signal.SIGTERM):  # SIGINT too: a shell starts background jobs with it ignored
        signal.signal(number, signal.default_int_handler)
    try:
        prepare()
        LOG.parent.mkdir(exist_ok=True)
        root = Path(tempfile.mkdtemp(prefix="sentinel-fresh-", dir="/var/tmp"))
        root.chmod(0o755)  # it becomes /, which other users must be able to enter, such as apt's
        with LOG.open("wb") as log:
            check = Check(root, log)
            try:
                passed = everything(check, given.blocks, given.pytest)
            finally:
                if given.keep:
                    check.print_line(f"kept: {root}")
                else:
                    remove(root)
                check.print_line("\n".join(["fresh-check:", *(f"  {line}" for line in check.done), f"  log: {LOG}"]))
        return 0 if passed else 1
    except (SetupError, OSError) as error:
        say(f"fresh-check: {error}")
        return 1
    except KeyboardInterrupt:
        say("fresh-check: stopped")
        return 130


def prepare() -> None:
    """Install debootstrap if it is missing. Raises SetupError if this machine cannot run the check."""
    if os.geteuid() != 0:
        raise SetupError("mounts need root: run `sudo make fresh-check`")
    if not data().is_dir():
        raise SetupError(f"no market data at {data()}: put them there or set SENTINEL_DATA_DIR to their folder")
    if shutil.which("debootstrap") is None:
        if shutil.which("apt-get") is None:
            raise SetupError("debootstrap is missing; install it by hand")
        run(
            ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "debootstrap"],
            failed="debootstrap could not be installed",
        )


def everything(check: Check, blocks: str, pytest: str) -> bool:
    """Run all steps in order. A failed step ends the check, except that the tests also run after a failed demo."""
    clone = check.root / PLACE
    bootstrap = ["debootstrap", "--variant=minbase", client.SUITE, str(check.root), *client.mirror()]
    if not check.step("an empty Debian 12", lambda: check.stream([*NAMESPACE, *bootstrap])):
        return False
    client.copy_settings(check.root)
    install = ["apt-get", "install", "-y", "-qq", "-oDpkg::Use-Pty=0", "--no-install-recommends", *PACKAGES]
    script = f"apt-get update -qq && {shlex.join(install)} && update-ca-certificates"
    if not check.step(f"packages: {' '.join(PACKAGES)}", lambda: check.inside("sh", "-c", script)):
        return False
    if changed := run(["git", "status", "--porcelain"], failed="git cannot read this checkout", quiet=True):
        check.print_line(f"not committed, so not part of the check:\n{changed.rstrip()}")
    if not check.step("a clone of the last commit", lambda: check.stream(["git", "clone", "-q", ROOT, clone])):
        return False
    demo = check.step(
        f"make demo BLOCKS={blocks}", lambda: check.inside("make", "demo", f"BLOCKS={blocks}", "YES=1", cwd=f"/{PLACE}")
    )
    test = check.step(
        f"make test {pytest}".rstrip(), lambda: check.inside(".ci/run", cwd=f"/{PLACE}", YES="1", PYTEST=pytest)
    )
    return demo and test


def remove(root: Path) -> None:
    """Remove the root. Raises SetupError, and removes nothing, if anything is still mounted below it."""
    mounts = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    if below := [place for place in mounts if Path(place).is_relative_to(root)]:
        raise SetupError(f"not removed, because these are still mounted: {', '.join(below)}")
    shutil.rmtree(root)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
