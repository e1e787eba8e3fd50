"""A development key in a file, and a signer that holds it."""

from __future__ import annotations

from pathlib import Path

import pytest

from sentinel.signing.process.local_signer import DevSigner
from tests.signing.calls import KEY, LIMITS, NOW


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "dev.key"
    path.write_text("0x" + KEY + "\n")
    return path


@pytest.fixture
def signer(key_file: Path) -> DevSigner:
    return DevSigner.load(key_file, LIMITS, lambda: NOW)
