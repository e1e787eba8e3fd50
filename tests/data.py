"""Where the real market data lies, for tests: SENTINEL_DATA_DIR, else ../shared/data beside the checkout."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_BESIDE = Path(__file__).resolve().parents[2] / "shared" / "data"


def data_path(*parts: str) -> Path:
    """The file or folder; skips the test where it is absent, and fails it when SENTINEL_REQUIRE_DATA is 1."""
    root = Path(os.environ.get("SENTINEL_DATA_DIR") or _BESIDE)
    path = root.joinpath(*parts)
    if not path.exists():
        why = f"needs real market data: {'/'.join(parts)} is not in {root} (set SENTINEL_DATA_DIR)"
        if os.environ.get("SENTINEL_REQUIRE_DATA") == "1":
            pytest.fail(why)
        pytest.skip(why)
    return path
