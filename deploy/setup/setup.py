"""Make this checkout ready: `python3 deploy/setup/setup.py [--yes] [--serve auto|cpu|gpu|none] [--dev]`.

It prints the sizes, downloads only what is missing, and continues after an interruption. It needs only Python. This
file keeps to old syntax, so that an old Python can run it and report that it is too old.
"""

import os
import shutil
import subprocess
import sys

OLDEST, NEWEST = (3, 11), (3, 13)  # some locked packages have no wheels for later versions


def fitting_python() -> None:
    """Continue, or start again under a Python on PATH that fits. Without one, exit with a message."""
    if OLDEST <= sys.version_info[:2] <= NEWEST:
        return
    for minor in range(NEWEST[1], OLDEST[1] - 1, -1):
        python = shutil.which(f"python3.{minor}")
        if python and subprocess.call([python, "-c", ""], stderr=subprocess.DEVNULL) == 0:
            os.execv(python, [python, *sys.argv])
    have = ".".join(str(part) for part in sys.version_info[:2])
    sys.exit(f"set-up: Python 3.11, 3.12 or 3.13 is needed; this is {have} and no other is on PATH. Install one.")


if __name__ == "__main__":
    fitting_python()
    from checkout import main  # imported here: its syntax needs the Python that was just checked

    sys.exit(main(sys.argv[1:]))
