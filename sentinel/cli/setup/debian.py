"""Debian's packages, installed where this is root on Debian or Ubuntu."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence

from sentinel.cli.setup.common import SetupError, run


def install(packages: Sequence[str]) -> None:
    """Debian's packages, with what they need and no more. Raises SetupError with what to do by hand."""
    if not packages:
        return
    by_hand = f"install by hand: {' '.join(packages)} (Debian's names), then run this again"
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        raise SetupError(f"not root on Debian or Ubuntu; {by_hand}")
    update()
    run(
        ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages],
        failed=f"apt-get install failed; {by_hand}",
        env={"DEBIAN_FRONTEND": "noninteractive"},
        quiet=True,
    )


def update() -> None:
    """Read the package lists anew, where this is root: anybody else takes those that are there."""
    if os.geteuid() == 0:
        run(["apt-get", "update", "-qq"], failed="Debian's package lists could not be read", quiet=True)
