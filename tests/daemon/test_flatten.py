"""`sentinel stop --flatten` as operators run it: the real daemon on a real local market sells all, then stops."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from sentinel.core.errors import NotRunning, OperatorError
from sentinel.daemon.control import ask
from sentinel.market import Devnet
from tests.daemon.running import WALLET, Cli, moving

BALANCE_OF = "0x70a08231" + WALLET[2:].lower().rjust(64, "0")


@pytest.fixture
async def cli(devnet: Devnet, tmp_path: Path) -> AsyncIterator[Cli]:
    """A live wallet of 2 WETH and 4,000 USDC whose strategy leaves them alone; no block comes by itself."""
    cli = await Cli.on(
        devnet,
        tmp_path,
        SENTINEL_EXECUTION__CONFIRMATIONS="1",
        SENTINEL_EXECUTION__MODE="live",
        SENTINEL_STRATEGY__BAND="0.9",
        SENTINEL_LIMITS__MAX_TRADE="500",
    )
    yield cli
    await cli.end()


async def held(devnet: Devnet, symbol: str) -> int:
    token = devnet.network.tokens[symbol].address
    return int(await devnet.rpc.call("eth_call", {"to": token, "data": BALANCE_OF}, "latest"), 16)


async def tell(cli: Cli, what: str) -> Any:
    """Over the control socket itself: starting a command line takes longer than a sale."""
    return await asyncio.to_thread(ask, cli.folder / "state", what)


async def until(cli: Cli, wanted: Callable[[Any], bool], mine: Devnet | None = None) -> None:
    """`mine`: one block a look, so that the daemon never gets far ahead of the test, however slow the machine is."""
    async with asyncio.timeout(120):
        while True:
            with contextlib.suppress(NotRunning, FileNotFoundError, TimeoutError):
                if wanted((await tell(cli, "status"))["status"]):
                    return
            if mine is not None:
                await mine.market.step()
            await asyncio.sleep(0.3 if mine else 0.05)


async def test_everything_is_sold_in_slices_and_the_daemon_stops(cli: Cli, devnet: Devnet) -> None:
    """Ordered while paused; killed in the middle it goes on after a restart, and ends by itself. The books agree."""
    daemon = await cli.spawn("run")
    await until(cli, lambda found: found["cycles"] > 0, devnet)
    await devnet.fund(WALLET, {"USDC": 5_000 * 10**6})  # a deposit of 1,000
    before = await held(devnet, "USDC")
    for what in ("pause", "flatten"):
        await tell(cli, what)
    await until(cli, lambda found: any(sale["ended"] for sale in found["flatten"]["sales"]), devnet)
    daemon.kill()
    await daemon.wait()
    assert await held(devnet, "WETH") > 0

    logged = (cli.folder / "stderr").stat().st_size
    again = await cli.spawn("run")
    await until(cli, lambda found: True)
    asked = asyncio.create_task(cli("stop", "--flatten", "--json", within=200.0))
    await until(cli, lambda found: b'"operator.flatten"' in (cli.folder / "stderr").read_bytes()[logged:])
    async with moving(devnet, 0.8):  # near enough to the wall clock, which the signer's deadlines are held to
        code, out, err = await asked
        assert await asyncio.wait_for(again.wait(), 60) == 0
    sold = json.loads(out)
    assert code == 0, err
    assert (sold["state"], sold["clean"], sold["left"]) == ("done", True, {})
    assert err.count("confirmed  sold 0.") == len(sold["sales"]) >= 6  # more than 3,000 USDC in slices of 500
    assert await held(devnet, "WETH") == 0
    assert sold["sold"]["WETH"]["sold"] == pytest.approx(2.0)
    assert sold["sold"]["WETH"]["for"] == pytest.approx((await held(devnet, "USDC") - before) / 1e6)

    (*_, day) = (await cli.json("pnl", "--svg", "curve.svg"))["days"]
    assert day["trades"] == len(sold["sales"])
    assert day["flow"] == pytest.approx(1_000)  # and all else is explained by receipts and balances
    assert day["gas_quote"] > 0
    assert day["hold"] > day["equity"] - 1_000 > 6_000
    assert 'id="equity"' in (cli.folder / "curve.svg").read_text()
    trade = (await cli.json("trades"))[0]
    assert (trade["source"], trade["state"]) == ("flatten", "confirmed")
    assert 0 > trade["pnl"] > -20
    assert 0 < trade["gas_quote"] < 20
    acts = [line for line in await cli.json("decisions", "-n", "1000") if line["act"]]
    assert {line["asked"] for line in acts} == {1}
    assert (await cli.json("replay", str(acts[-1]["id"])))["same"]
    code, out, _ = await cli("status", "--json")
    assert (code, json.loads(out)["paused"]) == (3, "by the operator")  # the operator's own reason is kept


async def test_a_dry_run_has_nothing_to_sell(cli: Cli, devnet: Devnet) -> None:
    """Refused, and the daemon goes on; without a daemon it is exit code 3."""
    assert (await cli("stop", "--flatten"))[0] == 3
    cli.settings |= {"SENTINEL_EXECUTION__MODE": "dry"}
    await cli.spawn("run")
    await until(cli, lambda found: True)
    with pytest.raises(OperatorError, match="a dry run sends nothing"):
        await tell(cli, "flatten")
    assert (await tell(cli, "status"))["status"]["state"] == "running"
