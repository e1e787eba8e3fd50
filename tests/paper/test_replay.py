"""A backtest on a real chain: it trades, misses what policy forbids, sees no future and gives the same bytes."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from sentinel.config.network_file import load_network
from sentinel.paper.backtest.played import Played
from sentinel.paper.backtest.replay import NETWORK
from sentinel.paper.backtest.report import canonical, report
from tests.paper.conftest import FIRST, MINUTES, ORDER, play, task

BACKTEST = [sys.executable, "-m", "sentinel", "backtest"]


async def test_it_trades_by_the_daemons_own_parts_and_counts_every_cost(home: Path) -> None:
    run = await play(task(), home / "run")
    swaps = [trade for trade in run.trades if trade.kind == "swap"]
    assert {trade.outcome for trade in run.trades} == {"confirmed"}
    assert {trade.sold for trade in swaps} == {"USDC", "WETH"}
    assert run.minutes[0].equity == run.minutes[0].hold
    assert all(trade.votes == trade.asked == 1 and trade.why and trade.gas > 0 and trade.tx for trade in run.trades)
    assert all(trade.mined_at == trade.time + 60 for trade in run.trades)
    spent = sum(float(trade.paid) for trade in swaps if trade.sold == "USDC")
    earned = sum(float(trade.received) for trade in swaps if trade.bought == "USDC")
    assert abs(run.minutes[-1].cash / 1e6 - (5_000 - spent + earned)) < 0.01
    assert not run.missed
    assert not run.halted
    assert run.wanted >= len(swaps)


async def test_what_policy_forbids_is_missed_with_its_rule(home: Path) -> None:
    run = await play(task("Buy 1,500 USDC worth of WETH, once.", minutes=4), home / "run")
    (missed,) = run.missed
    assert (missed.reason, missed.minutes) == ("trade_size", 3)
    assert "over the maximum of 1,000.00 USDC" in missed.example
    assert [trade.kind for trade in run.trades] == ["approve"]


async def test_the_future_changes_nothing_that_came_before_it(home: Path) -> None:
    first = task()
    cut = MINUTES * 2 // 3
    crash = tuple(close * (1 - 0.002 * after) for after, close in enumerate(first.closes[cut:], 1))
    changed = dataclasses.replace(first, closes=first.closes[:cut] + crash)
    one, other = await play(first, home / "one"), await play(changed, home / "other")
    seen = first.start + cut * 60  # the end of the last equal minute
    assert one.minutes[:cut] == other.minutes[:cut]
    assert one.minutes[cut:] != other.minutes[cut:]
    mined = [[trade for trade in run.trades if (trade.mined_at or 0) <= seen] for run in (one, other)]
    assert mined[0] == mined[1]
    assert len(mined[0]) >= 3
    decided = [[(t.time, t.why, t.simulated) for t in run.trades if t.time <= seen] for run in (one, other)]
    assert decided[0] == decided[1]


async def test_two_runs_have_the_same_bytes_whatever_process_plays_them(home: Path) -> None:
    started = _time_of(task().start), _time_of(task().start + 60 * MINUTES)
    command = [*BACKTEST, "--order", ORDER, "--from", started[0], "--to", started[1], "--json"]
    timings = home / "timings.json"
    done = await asyncio.to_thread(
        subprocess.run, [*command, "--timings", str(timings), "--html", "page.html"], capture_output=True, check=True
    )
    told = json.loads(done.stdout)
    assert told["prices"]["segments"] == [
        {"from": task().start, "minutes": MINUTES, "filled": 0, "known_before": FIRST}
    ]
    again = await play(dataclasses.replace(task(), before=_known()), home / "run")
    assert canonical({**told, "orders": _orders(again)}).encode() == done.stdout
    assert b"cycles_per" not in done.stdout
    assert json.loads(timings.read_text())["runs"][0]["cycles"] >= MINUTES
    page = (home / "page.html").read_text()
    assert told["prices"]["sha256"] in page
    assert "https://fonts" not in page
    assert "src=" not in page


def test_ctrl_c_leaves_neither_a_file_nor_a_process(home: Path) -> None:
    temporary = Path(tempfile.mkdtemp(prefix="bt-", dir="/tmp"))  # short, because the chain's socket is in it
    child = subprocess.Popen(
        BACKTEST, env={**os.environ, "TMPDIR": str(temporary)}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    until = time.monotonic() + 120
    while not list(temporary.glob("sentinel-backtest-*/*/chain.ipc")):
        assert child.poll() is None
        assert time.monotonic() < until
        time.sleep(0.1)
    child.send_signal(signal.SIGINT)
    out, _ = child.communicate(timeout=60)
    assert child.returncode == 130, out
    assert b"Traceback" not in out
    assert list(temporary.iterdir()) == []
    assert _running(temporary) == []
    temporary.rmdir()


def _running(folder: Path) -> list[str]:
    """Command lines of processes that name this folder."""
    found = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = place.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(folder) in line:
            found.append(line)
    return found


def _orders(run: Played) -> object:
    from sentinel.paper.backtest.orders import given
    from sentinel.paper.backtest.report import Plan
    from sentinel.paper.backtest.segments import segments
    from sentinel.prices.bars import packaged

    network = load_network(NETWORK)
    history = packaged()
    plan = Plan(history, segments(history, None, None), given([ORDER], network), (7,), "oracle", {})
    return report(plan, [run], network)["orders"]


def _known() -> tuple[float, ...]:
    from sentinel.prices.bars import packaged

    return tuple(bar.close for bar in packaged().bars[:FIRST])


def _time_of(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M", time.gmtime(seconds))
