"""A daemon whose proposals come from the operator's program, which is changed while it runs."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from sentinel.core.errors import NotRunning, OperatorError
from sentinel.daemon.operator.control import ask
from sentinel.market import Devnet
from tests.daemon.running import Cli, moving
from tests.journal.values import bodies

DCA = Path(__file__).resolve().parents[2] / "examples" / "programs" / "dca.py"
INTERVAL = 15  # seconds of chain time


@pytest.fixture
async def cli(devnet: Devnet, tmp_path: Path) -> AsyncIterator[Cli]:
    file = tmp_path / "dca.py"
    file.write_text(DCA.read_text().replace("INTERVAL = 3600", f"INTERVAL = {INTERVAL}"))
    async with moving(devnet):
        cli = await Cli.on(
            devnet,
            tmp_path,
            SENTINEL_PROPOSER="code",
            SENTINEL_STRATEGY__ORDER="",
            SENTINEL_STRATEGY__FILE=str(file),
            SENTINEL_EXECUTION__CONFIRMATIONS="1",
        )
        yield cli
        await cli.end()


def recorded(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(body) for _, body in bodies(folder / "state" / "journal.sqlite3", "cycle")]


async def until(folder: Path, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The daemon's status, once it is as wanted."""
    status: dict[str, Any] = {}
    async with asyncio.timeout(90):
        while True:
            with contextlib.suppress(NotRunning):  # not yet
                status = (await asyncio.to_thread(ask, folder, "status"))["status"]
                if wanted(status):
                    return status
            await asyncio.sleep(0.1)


async def test_a_dca_buys_once_an_interval_and_is_changed_while_it_runs(cli: Cli, tmp_path: Path) -> None:
    """Without a model; each purchase a whole interval of chain time after the one before, whatever happens between: a
    reload of a broken program, which changes nothing, and kill -9. Its words for a hold are in the record."""
    file, state = tmp_path / "dca.py", tmp_path / "state"
    daemon = await cli.spawn("run", "--live")
    first = await until(state, lambda found: found["transactions"].get("confirmed", 0) >= 1)
    assert first["proposer"].startswith("code:dca-")

    text = file.read_text()
    file.write_text(text.replace("    hold(f", "    hold f("))
    with pytest.raises(OperatorError, match=rf"{file}, line 10: SyntaxError"):
        await asyncio.to_thread(ask, state, "reload")
    file.write_text(text)
    daemon.send_signal(signal.SIGKILL)
    await daemon.wait()
    daemon = await cli.spawn("run", "--live")
    await until(state, lambda found: found["transactions"].get("confirmed", 0) >= 1)

    file.write_text('hold("resting " + str(6 * 7))')
    changed = (await asyncio.to_thread(ask, state, "reload"))["changed"]["SENTINEL_STRATEGY__FILE"]
    assert changed[0] == first["proposer"] != changed[1]
    cycles = (await until(state, lambda found: found["proposer"] == changed[1]))["cycles"]
    await until(state, lambda found: found["cycles"] > cycles + 1)
    daemon.terminate()
    assert await asyncio.wait_for(daemon.wait(), 30) == 0

    records = recorded(tmp_path)
    bought = [record["head"]["timestamp"] for record in records if record["intent_id"]]
    assert len(bought) >= 2
    assert all(later - earlier >= INTERVAL for earlier, later in itertools.pairwise(bought))
    proposals = [record["proposal"] for record in records if record["proposal"]]
    assert {proposal["asked"] for proposal in proposals} == {1}
    assert not [proposal["discarded"] for proposal in proposals if proposal["discarded"]]
    reasons = [candidate["action"].get("reason") for proposal in proposals for candidate in proposal["candidates"]]
    assert "next buy in 1 min" in reasons
    assert reasons[-1] == "resting 42"
    assert proposals[-1]["samples"][0]["text"] == file.read_text()
