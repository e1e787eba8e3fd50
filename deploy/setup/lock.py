"""Write requirements/dev.txt and daemon.txt anew: with hashes, for every platform, without any registry's address.

Pinned versions stay unless pyproject.toml requires others. Delete a line to have it resolved again.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from common import ROOT, SetupError, run

from sentinel.cli.setup.serving import LOCKS, uv, uv_env

OPTIONS = ["--universal", "--python-version", "3.11", "--generate-hashes", "--quiet"]
OPTIONS += ["--no-emit-index-url", "--no-emit-find-links", "--no-annotate", "--no-header"]


def main() -> int:
    """Resolve both locks. Returns the exit code."""
    project = ROOT / "pyproject.toml"
    try:
        lock("dev.txt", project, LOCKS / "build.in", "--group", "dev", "--extra", "distill")
        with tempfile.TemporaryDirectory() as work:  # the daemon gets the versions that were tested
            pins = Path(work) / "pins.txt"
            pins.write_text("".join(line.split(" \\")[0] + "\n" for line in lines("dev.txt") if "==" in line[:80]))
            lock("daemon.txt", project, "-c", pins)
    except SetupError as error:
        print(f"lock: {error}")
        return 1
    return 0


def lines(name: str) -> list[str]:
    """The requirement lines of a lock, without the hashes."""
    return [line for line in (LOCKS / name).read_text().splitlines() if not line.startswith(" ")]


def lock(name: str, *inputs: str | Path) -> None:
    """Resolve one lock. Versions of an existing lock are kept."""
    command = [uv(), "pip", "compile", *inputs, *OPTIONS, "-o", LOCKS / name]
    run(command, failed=f"requirements/{name} could not be resolved", env=uv_env())
    print(f"requirements/{name}: {sum('==' in line for line in lines(name))} packages")


if __name__ == "__main__":
    sys.exit(main())
