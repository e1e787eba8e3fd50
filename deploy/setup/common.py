"""Imports the package's set-up code for the scripts of this folder, which run before anything is installed."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from sentinel.cli.setup.common import SetupError, put_folder, run, say  # noqa: E402
from sentinel.core.host.places import cache_dir  # noqa: E402

__all__ = ["ROOT", "SetupError", "cache_dir", "put_folder", "run", "say"]
