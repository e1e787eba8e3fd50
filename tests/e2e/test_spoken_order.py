"""An order in words on a running daemon, read and traded by the shipped student behind real vLLM."""

from __future__ import annotations

from pathlib import Path

import pytest

from sentinel.agent.vllm_server import VllmServer
from sentinel.market import Devnet
from tests.daemon.spoken_order import live


@pytest.mark.proof
@pytest.mark.asyncio(loop_scope="session")
async def test_an_order_in_words_is_traded_over_two_hundred_blocks(
    devnet: Devnet, student: VllmServer, tmp_path: Path
) -> None:
    """It is read back and approved, survives kill -9, is changed, and is cancelled."""
    await live(devnet, tmp_path, student.url, blocks=200, patience=600.0, pace=0.5)
