"""A dry run's paper wallet on a real local market: its own trades change it, across restarts, and orders count them."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sentinel.market import Devnet
from tests.daemon.running import WALLET, Cli, moving

ONCE = "If the price of WETH is at least 1 USDC, buy 500 USDC worth of WETH, once."
PATIENCE = 200.0  # seconds


@pytest.fixture
async def cli(devnet: Devnet, tmp_path: Path) -> AsyncIterator[Cli]:
    async with moving(devnet):
        cli = await Cli.on(devnet, tmp_path, SENTINEL_PAPER__BALANCES="ETH=1,USDC=10000,WETH=0.5")
        yield cli
        await cli.end()


async def stopped(cli: Cli) -> None:
    daemon = cli.started[-1]
    daemon.send_signal(signal.SIGTERM)
    await asyncio.wait_for(daemon.wait(), 20)


async def test_paper_trades_change_the_paper_wallet_alone(cli: Cli, devnet: Devnet) -> None:
    """It rebalances 10,000 USDC that the chain does not know, at most 500 at a time, to the middle and no further."""
    await cli.spawn("run")
    trades = await cli.until(lambda rows: len([row for row in rows if row["realised"]]) >= 4, "trades", within=PATIENCE)
    await stopped(cli)
    assert int(await devnet.rpc.call("eth_getTransactionCount", WALLET, "pending"), 16) == 0
    assert {trade["state"] for trade in trades} == {"dry"}
    assert all(trade["gas"] > 0 for trade in trades if trade["realised"])
    days = await cli.json("pnl")
    assert days["paper"]
    spent = sum(day["gas_quote"] for day in days["days"])
    assert spent > 0
    assert days["days"][-1]["trades"] >= 4
    assert abs(days["days"][-1]["flow"]) < 1e-6  # every change of a balance is a trade's
    _, text, _ = await cli("pnl")
    assert text.startswith("PAPER: ")
    _, table, _ = await cli("trades", "--csv")
    assert len(table.splitlines()) == 1  # nothing here is taxed


async def test_an_order_that_buys_once_buys_once(cli: Cli) -> None:
    """Its fill counts in the dry run, and after a restart with the same journal; the wallet goes on as it was."""
    cli.settings["SENTINEL_STRATEGY__ORDER"] = ONCE
    await cli.spawn("run")
    await cli.until(lambda found: found["acts"] >= 1 and found["cycles"] >= 12, "status", within=PATIENCE)
    await stopped(cli)
    (trade,) = await cli.json("trades")
    again = await cli.json("replay", trade["intent"], "--at-node")
    assert [stage["name"] for stage in again["stages"]] == ["screen", "vote", "final check", "at node"]
    assert {stage["same"] for stage in again["stages"]} == {True}
    await cli.spawn("run")
    await cli.until(lambda found: found["cycles"] >= 5, "status", within=PATIENCE)
    await stopped(cli)
    (trade,) = await cli.json("trades")
    assert trade["realised"]
    newest = next(row for row in await cli.json("decisions", "-n", "9") if row["reason"] == "hold_voted")
    balances = (await cli.json("decisions", "show", str(newest["id"])))["record"]["state"]["balances"]
    assert int(balances["USDC"]) == 9_500 * 10**6
    assert int(balances["WETH"]) > 5 * 10**17
    assert int(balances["ETH"]) < 10**18
    assert (await cli("verify"))[0] == 0

    code, out, _ = await cli("replay", trade["intent"], "--set", "limits.max_trade=100")
    assert code == 1
    assert "screen       DIFFERS" in out
