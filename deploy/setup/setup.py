"""Make this checkout ready: `python3 deploy/setup/setup.py [--yes] [--serve auto|cpu|gpu|none] [--dev]`.

Says what it will download, fetches only what is missing, and goes on where it was cut. Needs nothing but Python
itself; this file stays readable to an old Python, so that an old Python can say that it is too old.
"""

import os
import shutil
import subprocess
import sys

OLDEST, NEWEST = (3, 11), (3, 13)  # not every locked package has wheels for what comes after


def fitting_python() -> None:
    """Go on under a Python that fits, if there is one; else say what is needed."""
    if OLDEST <= sys.version_info[:2] <= NEWEST:
        return
    for minor in range(NEWEST[1], OLDEST[1] - 1, -1):
        found = shutil.which(f"python3.{minor}")
        if found and subprocess.call([found, "-c", ""], stderr=subprocess.DEVNULL) == 0:
            os.execv(found, [found, *sys.argv])
    have = ".".join(str(part) for part in sys.version_info[:2])
    sys.exit(f"set-up: Python 3.11, 3.12 or 3.13 is needed; this is {have} and no other is on PATH. Install one.")


if __name__ == "__main__":
    fitting_python()
    from checkout import main  # imported late: its syntax needs the Python that was checked just now

    sys.exit(main(sys.argv[1:]))
