from __future__ import annotations

import asyncio
import stat
import time
from pathlib import Path
from typing import Any

import pytest

from sentinel.cli import common, daemon_commands
from sentinel.core.errors import NotRunning, OperatorError
from sentinel.daemon.operator.control import NAME, ControlServer, ask
from sentinel.observe.internal_errors import InternalErrors
from sentinel.observe.logs import logger
from sentinel.observe.metrics import Metrics
from tests.daemon import values


def errors() -> InternalErrors:
    return InternalErrors(Metrics(values.NETWORK), logger())


class Daemon:
    def __init__(self) -> None:
        self.paused: str | None = None
        self.stopped = False
        self.sold = False

    def status(self) -> dict[str, Any]:
        return {"paused": self.paused}

    def pause(self, reason: str) -> None:
        if reason == "refuse":
            raise OperatorError("not now")
        self.paused = reason

    def resume(self) -> None:
        self.paused = None

    def reload(self) -> dict[str, list[Any]]:
        return {"SENTINEL_VOTE__DUST": [0.01, 0.02]}

    def stop(self) -> None:
        self.stopped = True

    def flatten(self) -> None:
        self.sold = True

    async def read_order(self, words: str) -> dict[str, Any]:
        return {"words": words}

    def approve_order(self, reading: str, digest: str, words: str, accept_judgement: bool) -> None:
        self.order: tuple[object, ...] | None = (reading, digest, words, accept_judgement)

    def cancel_order(self, reason: str) -> None:
        self.order = None

    def give_entry(self, coin: str, price: str, coins: str) -> None:
        self.order = (coin, price)


async def test_the_operator_is_answered_over_a_private_socket(tmp_path: Path) -> None:
    """Each request reaches the daemon, and nobody else may open the socket."""
    folder = tmp_path / ("long" * 30)  # longer than an address of a unix socket may be
    folder.mkdir()
    daemon = Daemon()
    server = ControlServer(folder, daemon, errors())
    await server.start()
    try:
        assert stat.S_IMODE((folder / NAME).stat().st_mode) == 0o600
        await asyncio.to_thread(ask, folder, "pause", reason="lunch\x1b[31m")
        assert daemon.paused == "lunch[31m"
        answer = await asyncio.to_thread(ask, folder, "status")
        assert answer["status"] == {"paused": "lunch[31m"}
        await asyncio.to_thread(ask, folder, "resume")
        assert daemon.paused is None
        with pytest.raises(OperatorError, match="not now"):
            await asyncio.to_thread(ask, folder, "pause", reason="refuse")
        with pytest.raises(OperatorError, match="known requests"):
            await asyncio.to_thread(ask, folder, "sell everything")
        await asyncio.to_thread(ask, folder, "approve_order", reading="Sell all of WETH.", hash="ab")
        assert daemon.order == ("Sell all of WETH.", "ab", "", False)
        assert (await asyncio.to_thread(ask, folder, "read_order", words="sell it"))["readings"] == {"words": "sell it"}
        await asyncio.to_thread(ask, folder, "cancel_order")
        assert daemon.order is None
        await asyncio.to_thread(ask, folder, "flatten")
        assert (daemon.sold, daemon.stopped) == (True, False)
        await asyncio.to_thread(ask, folder, "stop")
        assert daemon.stopped
    finally:
        await server.stop()
    with pytest.raises(NotRunning):
        ask(folder, "status")


class Busy(Daemon):
    def __init__(self) -> None:
        super().__init__()
        self.asked = asyncio.Event()

    def status(self) -> dict[str, Any]:
        time.sleep(1.2)  # longer than `stop` waits for one answer
        self.asked.set()
        return {}


async def test_a_daemon_that_is_busy_has_not_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`stop` says so only once nobody listens any more; until then it is not done."""
    monkeypatch.chdir(tmp_path)
    daemon = Busy()
    server = ControlServer(tmp_path, daemon, errors())

    async def code(timeout: float) -> int:
        sets = [f"state_dir={tmp_path}"]
        return await asyncio.to_thread(common.guarded, lambda: daemon_commands.stop(timeout=timeout, sets=sets))

    await server.start()
    try:
        assert await code(1.0) == common.TIMEOUT
        daemon.asked.clear()
        stopping = asyncio.create_task(code(60.0))
        await daemon.asked.wait()
    finally:
        await server.stop()
    assert await stopping == common.OK


@pytest.mark.parametrize("line", [b"\n", b"[]\n", b"{}\n", b'{"do": 1}\n', b"\xff\xfe\n", b"x" * 200_000 + b"\n"])
async def test_nonsense_on_the_socket_is_answered_or_dropped(tmp_path: Path, line: bytes) -> None:
    """No line, however malformed or long, takes the server down."""
    server = ControlServer(tmp_path, Daemon(), errors())
    await server.start()
    try:
        reader, writer = await asyncio.open_unix_connection(str(tmp_path / NAME))
        writer.write(line)
        answer = await asyncio.wait_for(reader.readline(), 2)
        assert answer == b"" or b'"ok": false' in answer
        writer.close()
        assert (await asyncio.to_thread(ask, tmp_path, "status"))["ok"]
    finally:
        await server.stop()
