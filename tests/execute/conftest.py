"""A wallet with an executor on a real chain, alone or behind a proxy that fails on purpose."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lab.faults import FaultProxy
from sentinel.chain.rpc import Rpc
from tests.execute.rig import Rig


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with Rig.start(tmp_path) as started:
        yield started


@pytest.fixture
async def faulty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Rig, FaultProxy]]:
    monkeypatch.setattr("sentinel.chain.rpc.MAX_REPLY", 2**20)
    async with Rig.start(tmp_path) as rig, FaultProxy(rig.net.rpc_url) as proxy, Rpc(proxy.url, timeout=1.0) as rpc:
        rig.rpc = rpc
        rig.restart()
        yield rig, proxy
