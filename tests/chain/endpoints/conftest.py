"""Pools over two and three endpoints."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.chain.endpoints.bench import Bench


@pytest.fixture
async def two(tmp_path: Path) -> AsyncIterator[Bench]:
    async with Bench.of(tmp_path) as bench:
        yield bench


@pytest.fixture
async def three(tmp_path: Path) -> AsyncIterator[Bench]:
    async with Bench.of(tmp_path, 3) as bench:
        yield bench
