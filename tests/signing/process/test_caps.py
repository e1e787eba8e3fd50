"""The caps of the signer's process: nothing is signed before they are set, and nobody raises them afterwards."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sentinel.core.errors import OperatorError, SignerUnavailable
from sentinel.signing.client import send_caps
from tests.signing.process.world import (
    ANSWERS,
    CAPS,
    CHAIN,
    FEES,
    KEY,
    USDC,
    WALLET,
    cancel,
    permit,
    records,
    refused,
    running,
    trade,
)


async def test_before_its_caps_are_set_it_is_not_ready(tmp_path: Path) -> None:
    """Nothing is signed, and nothing refused, which would end an intent: it waits, and is signed afterwards."""
    async with running(tmp_path, caps=False) as keeper:
        client = keeper.client
        for asked in (trade(1), cancel()):
            with pytest.raises(SignerUnavailable, match="not set yet"):
                await client.sign_transaction(CHAIN, 0, asked, FEES, ANSWERS)
        with pytest.raises(SignerUnavailable, match="not set yet"):
            await client.sign_permit(permit(1))
        await keeper.allow(CAPS)
        await client.sign_transaction(CHAIN, 0, trade(1), FEES, ANSWERS)
    assert [kind for kind, _ in records(tmp_path)] == ["opened", "caps", "prices", "signed"]


async def test_another_life_of_the_day_gets_no_higher_caps(tmp_path: Path) -> None:
    """A daemon that hands higher caps to a new child, or other tokens, is held to the day's first; the log says so."""
    async with running(tmp_path):
        pass
    async with running(tmp_path, limits={"max_trade": 5000.0, "max_daily_volume": 50_000.0}) as keeper:
        client = keeper.client
        assert await refused(client.sign_transaction(CHAIN, 0, trade(2001), FEES, ANSWERS)) == "amount"
        await client.sign_transaction(CHAIN, 0, trade(2000), FEES, ANSWERS)
        assert await refused(client.sign_transaction(CHAIN, 1, trade(501), FEES, ANSWERS)) == "volume"
    assert "signer.caps_unchanged" in (tmp_path / "state" / "signer.log").read_text()
    async with running(tmp_path, caps=False) as keeper:
        everything, nothing = {USDC: 10**30}, dict[str, int]()
        assert await refused(send_caps(keeper.client.path, everything, nothing, everything, {})) == "caps"
        with pytest.raises(SignerUnavailable, match="not set yet"):
            await keeper.client.sign_transaction(CHAIN, 1, trade(1), FEES, ANSWERS)


async def test_caps_that_somebody_else_set_are_not_accepted(tmp_path: Path) -> None:
    """Where another program was quicker the daemon does not start; a child with caps of its own is no such case."""
    async with running(tmp_path, caps=False) as keeper:
        caps = {USDC: 10**30}
        await send_caps(keeper.client.path, caps, caps, caps, ANSWERS)
        with pytest.raises(OperatorError, match="another program has set"):
            await keeper.allow(CAPS)
    own = {
        "max_trade": "USDC=5,WETH=1",
        "max_approval": "USDC=50,WETH=1",
        "max_daily_volume": "USDC=7,WETH=1",
        "prices": "WETH=2000",
    }
    async with running(tmp_path, signer=own) as keeper:
        assert await refused(keeper.client.sign_transaction(CHAIN, 0, trade(6), FEES, ANSWERS)) == "amount"
        await keeper.client.sign_transaction(CHAIN, 0, trade(5), FEES, ANSWERS)


def test_a_signer_by_itself_needs_its_own_caps(tmp_path: Path) -> None:
    """`sentinel signer` without caps by token is a configuration error that names them."""
    (tmp_path / "key").write_text(KEY)
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("SENTINEL_")},
        "SENTINEL_WALLET__DEV_KEY_FILE": str(tmp_path / "key"),
        "SENTINEL_STATE_DIR": str(tmp_path / "state"),
    }
    done = subprocess.run(
        [sys.executable, "-m", "sentinel", "signer"], env=environment, capture_output=True, timeout=30, text=True
    )
    assert done.returncode == 4
    assert "SENTINEL_SIGNER__MAX_TRADE" in done.stderr


async def test_a_daemon_connects_to_a_signer_by_itself(tmp_path: Path) -> None:
    """With a socket named, the daemon starts nothing, sets no caps, and trades within the signer's own."""
    (tmp_path / "key").write_text(KEY)
    path = tmp_path / "own" / "s.sock"
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("SENTINEL_")},
        "SENTINEL_WALLET__DEV_KEY_FILE": str(tmp_path / "key"),
        "SENTINEL_WALLET__SIGNER_SOCKET": str(path),
        "SENTINEL_STATE_DIR": str(tmp_path / "own"),
        "SENTINEL_SIGNER__MAX_TRADE": "USDC=5,WETH=1",
        "SENTINEL_SIGNER__MAX_APPROVAL": "USDC=50,WETH=1",
        "SENTINEL_SIGNER__MAX_DAILY_VOLUME": "USDC=7,WETH=1",
        "SENTINEL_SIGNER__PRICES": "WETH=2000",
    }
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "sentinel", "signer", env=environment)
    try:
        for _ in range(400):
            if path.exists():
                break
            await asyncio.sleep(0.05)
        async with running(tmp_path, wallet={"signer_socket": path}) as keeper:
            assert keeper.child is None
            await keeper.client.sign_transaction(CHAIN, 0, trade(5), FEES, ANSWERS)
            assert await refused(keeper.client.sign_transaction(CHAIN, 1, trade(6), FEES, ANSWERS)) == "amount"
            assert await refused(keeper.client.sign_transaction(CHAIN, 1, trade(3), FEES, ANSWERS)) == "volume"
            assert await keeper.probe() == (True, f"the signer holds the key of {WALLET}")
    finally:
        process.terminate()
        assert await asyncio.wait_for(process.wait(), 10) == 0
    with pytest.raises(OperatorError, match="sentinel signer"):
        async with running(tmp_path, wallet={"signer_socket": path}):
            pass
