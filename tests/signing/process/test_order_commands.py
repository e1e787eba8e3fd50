"""The operator's commands on a signer that runs by itself: `sentinel signer show`, `order set` and `order clear`."""

from __future__ import annotations

import asyncio
import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sentinel.__main__ import main
from sentinel.signing.order_rules import OrderBounds
from sentinel.signing.process.order_file import FILE
from tests.signing.process.world import (
    ANSWERS,
    CHAIN,
    FEES,
    KEY,
    NETWORK,
    refused,
    running,
    trade,
)

ROOT = Path(__file__).resolve().parents[3]
DCA = "Buy 100 USDC worth of WETH, every 1 hour."
DAY_CAP = "Buy 100 USDC worth of WETH. Buy at most 250 USDC a day."
SALE = "Sell 0.5 WETH, once."


@pytest.fixture
def by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """Starts `sentinel signer` as an operator does; the settings are this process's environment too."""
    (tmp_path / "key").write_text(KEY)
    for name, value in {
        "WALLET__DEV_KEY_FILE": tmp_path / "key",
        "WALLET__SIGNER_SOCKET": tmp_path / "own" / "s.sock",
        "STATE_DIR": tmp_path / "own",
        "SIGNER__MAX_TRADE": "USDC=500,WETH=1",
        "SIGNER__MAX_APPROVAL": "USDC=5000,WETH=1",
        "SIGNER__MAX_DAILY_VOLUME": "USDC=700.5,WETH=1",
        "SIGNER__PRICES": "WETH=2000",
    }.items():
        monkeypatch.setenv(f"SENTINEL_{name}", str(value))
    monkeypatch.chdir(tmp_path)
    started: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        path = {**os.environ, "PYTHONPATH": str(ROOT)}
        with (tmp_path / "log").open("wb") as log:
            words = [sys.executable, "-m", "sentinel", "signer"]
            started.append(subprocess.Popen(words, env=path, stdout=log, stderr=log))
        for _ in range(600):
            if (tmp_path / "own" / "s.sock").exists():
                return started[0]
            time.sleep(0.05)
        raise AssertionError((tmp_path / "log").read_text())

    yield start
    for process in started:
        process.kill()
        process.wait()


def test_the_operators_commands(
    tmp_path: Path,
    by_itself: Callable[[], subprocess.Popen[bytes]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Set, shown, refused, cleared: at a signer that runs by itself, whose daemon only knows its socket."""

    def run(*words: str, given: str = "") -> tuple[int, str]:
        monkeypatch.setattr("sys.argv", ["sentinel", "signer", *words])
        monkeypatch.setattr("sys.stdin", io.StringIO(given))
        code = main()
        shown = capsys.readouterr()
        return code, shown.out + shown.err

    async def trades() -> None:
        async with running(tmp_path, wallet={"signer_socket": tmp_path / "own" / "s.sock"}) as keeper:
            await keeper.client.sign_transaction(CHAIN, 0, trade(100), FEES, ANSWERS)
            assert await refused(keeper.client.sign_transaction(CHAIN, 1, trade(200), FEES, ANSWERS)) == "order_size"

    assert run("show")[0] == 3
    code, text = run("order", "set", "-", given=DCA)
    assert (code, "start the signer once" in text) == (4, True), text
    process = by_itself()
    code, text = run("order", "set", "-", given=DCA.replace("Buy 100", "buy\n 100.0"))
    assert code == 0, text
    assert f"order {OrderBounds.of(DCA, NETWORK).hash}: {DCA}" in text
    assert "the running signer enforces it" in text
    code, text = run("order", "set", "-", given="buy the dip")
    assert (code, "no reading" in text) == (4, True)
    asyncio.run(trades())
    code, text = run("show", "--json")
    shown = json.loads(text)
    assert (shown["order"]["hash"], shown["order"]["pairs"]) == (OrderBounds.of(DCA, NETWORK).hash, [["USDC", "WETH"]])
    assert (shown["order"]["max_trade"], shown["caps"]["daily"]) == ("100", {"USDC": "700.5", "WETH": "1"})
    assert (shown["today"]["volume"], shown["today"]["order_bought"]) == ({"USDC": "100"}, "100")
    code, text = run("show")
    for line in (DCA, "USDC for WETH", "100 USDC of 700.5 USDC, 1 WETH", "100 bought of no bound"):
        assert line in text, text
    code, text = run("order", "clear", "--json")
    assert (code, json.loads(text)["enforced"]) == (0, True)
    assert "the caps alone bind" in run("show")[1]
    assert run("--set", "log.level=debug", "show")[0] == 2
    process.terminate()
    assert process.wait(10) == 0
    code, text = run("order", "set", "-", given=SALE)
    assert (code, "next start" in text) == (0, True)
    assert (tmp_path / "own" / "signer" / FILE).stat().st_mode & 0o777 == 0o600
