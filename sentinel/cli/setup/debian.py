"""Debian's packages, which set-up installs if it runs as root on Debian or Ubuntu."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence

from sentinel.cli.setup.common import SetupError, run


def install(packages: Sequence[str]) -> None:
    """Install packages without the recommended ones. Raises SetupError, which says what to install by hand."""
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
    """Update the package lists if this runs as root; other users keep the existing lists."""
    if os.geteuid() == 0:
        run(["apt-get", "update", "-qq"], failed="Debian's package lists could not be read", quiet=True)
