"""The whole program on a local market that is started again behind the same address."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import pytest

from sentinel.core.host.process import free_port
from sentinel.journal.journal import Journal
from sentinel.market import Devnet
from tests.attack_tally import Tries
from tests.daemon.running import WALLET, Cli, moving


@pytest.mark.attack("another chain", "refused")
@pytest.mark.timeout(240)
async def test_a_market_that_is_started_again_is_another_chain(tmp_path: Path, tries: Tries) -> None:
    """With an intent open. While the daemon runs it holds with an alarm, and a start on it ends with exit code 4.
    Nothing is signed or sent on the new chain."""
    port = free_port()
    log = tmp_path / "stderr"

    async def logged(text: str, within: float = 90.0) -> None:
        async with asyncio.timeout(within):
            while not log.exists() or text not in log.read_text():  # noqa: ASYNC110
                await asyncio.sleep(0.2)

    async with Devnet.start(port=port) as first, moving(first):
        cli = await Cli.on(first, tmp_path, SENTINEL_EXECUTION__CONFIRMATIONS="64")
        daemon = await cli.spawn("run", "--live")
        await logged('"transaction.sent"')
        genesis = (await first.rpc.call("eth_getBlockByNumber", "0x0", False))["hash"]
    try:
        async with Devnet.start(port=port) as second, moving(second):
            again = await Cli.on(second, tmp_path, **cli.settings)
            await logged('"other_chain"')
            await asyncio.sleep(2.0)  # several blocks and cycles
            assert daemon.returncode is None
            assert await second.rpc.call("eth_getTransactionCount", WALLET, "latest") == "0x0"
            tries.refused()
            daemon.send_signal(signal.SIGKILL)
            await daemon.wait()

            code, _, err = await again("run", "--live", within=120.0)
            assert (code, "this is another chain" in err, "SENTINEL_STATE_DIR of its own" in err) == (4, True, True)
            tries.refused()

            assert await second.rpc.call("eth_getTransactionCount", WALLET, "latest") == "0x0"
            journal = Journal.open(
                tmp_path / "state" / "journal.sqlite3", second.network, genesis, WALLET, read_only=True
            )
            assert len(journal.open_intents()) == 1
            journal.close()
    finally:
        await cli.end()
