"""A live daemon that plays an approved order: set, traded, changed, cancelled, and carried over kill -9."""

from __future__ import annotations

import asyncio
import json
import signal
import sqlite3
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from sentinel.market import Devnet
from tests.daemon.running import Cli, moving

DCA = "Buy 150 USDC worth of WETH, every 20 seconds. Keep 500 USDC."
EXIT = "If the price of WETH is above 1 USDC, sell all of WETH, once."
NEVER = "If the price of WETH is below 1 USDC, sell all of WETH, once."


@pytest.fixture
async def cli(devnet: Devnet, tmp_path: Path) -> AsyncIterator[Cli]:
    async with moving(devnet):
        cli = await Cli.on(
            devnet,
            tmp_path,
            SENTINEL_STRATEGY__ORDER="",
            SENTINEL_EXECUTION__CONFIRMATIONS="1",
            SENTINEL_LIMITS__MAX_TRADE="5000",
            SENTINEL_LIMITS__MAX_COST_BPS="2000",  # the base fee moves: 150 USDC pay 3 to 5 % of gas
        )
        yield cli
        await cli.end()


def fills(folder: Path) -> list[tuple[int, int]]:
    """(clause, chain time) of the trades that were made for orders."""
    with sqlite3.connect(folder / "state" / "journal.sqlite3") as db:
        return db.execute("SELECT clause, filled_at FROM order_fills WHERE filled_at NOTNULL ORDER BY seq").fetchall()


async def completed(cli: Cli) -> Any:
    """What `order show` says with exit code 3, once it does."""
    for _ in range(60):
        code, out, err = await cli("order", "show", "--json")
        if code == 3:
            return json.loads(out)
        await asyncio.sleep(0.3)
    raise AssertionError(f"not complete: {out}{err}")


async def test_an_order_is_traded_through_kill_and_replaced_by_another(cli: Cli, tmp_path: Path) -> None:
    """A DCA of the settings keeps its interval over kill -9; an order that a command approves takes its place when the
    settings give none, trades once, and is complete; a cancelled one trades nothing."""
    plain = dict(cli.settings)
    cli.settings["SENTINEL_STRATEGY__ORDER"] = DCA
    daemon = await cli.spawn("run", "--live")
    await cli.until(lambda found: found["trades"] >= 2, "order", "show")
    daemon.send_signal(signal.SIGKILL)
    await daemon.wait()
    daemon = await cli.spawn("run", "--live")
    shown = await cli.until(lambda found: found["trades"] >= 3, "order", "show")
    assert (shown["reading"], shown["status"]) == (DCA, "approved")
    times = [at for _, at in fills(tmp_path)]
    assert all(later - earlier >= 20 for earlier, later in pairwise(times)), times
    code, _, err = await cli("order", "set", EXIT, "--yes")
    assert (code, "SENTINEL_STRATEGY__ORDER gives the order" in err) == (4, True)

    daemon.send_signal(signal.SIGTERM)
    await daemon.wait()
    cli.settings = plain
    code, out, _ = await cli("order", "set", NEVER)
    assert (code, "not approved" in out, "the gas of a trade is about" in out) == (0, True, True)
    approved = await cli.json("order", "set", NEVER, "--yes")
    daemon = await cli.spawn("run", "--live")
    waiting = await cli.until(lambda found: "is not below 1 USDC" in (found["now"] or ""), "order", "show")
    assert waiting["hash"] == approved["hash"]

    before = len(fills(tmp_path))
    await cli.json("order", "set", EXIT, "--yes")  # while it runs
    shown = await completed(cli)
    assert (shown["reading"], shown["status"], shown["now"]) == (EXIT, "completed", "the order is complete")
    assert len(fills(tmp_path)) == before + 1
    history = [(order["status"], order["trades"]) for order in await cli.json("order", "history")]
    assert history == [("completed", 1), ("replaced", 0), ("replaced", before)]

    await cli.json("order", "set", DCA, "--yes")
    await cli.json("order", "cancel", "enough")
    assert (await cli("order", "show"))[0] == 3
    assert (await cli.json("order", "history"))[0]["reason"] == "enough"
    made = len(await cli.json("trades", "--limit", "1000"))
    await asyncio.sleep(1)  # several blocks: nothing is traded once an order has ended
    assert len(await cli.json("trades", "--limit", "1000")) == made
    daemon.send_signal(signal.SIGTERM)
    assert await daemon.wait() == 0
    assert (tmp_path / "stderr").read_text().count("order.complete") == 1
