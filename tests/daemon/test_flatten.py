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
from sentinel.daemon.operator.control import ask
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
        SENTINEL_STRATEGY__ORDER="If the price of WETH is below 1 USDC, sell all of WETH, once.",
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


async def test_a_sale_keeps_to_the_limits_of_a_reload(cli: Cli, devnet: Devnet) -> None:
    """The seller's slices and policy's limit are those in force, not those of the start; also where the reload comes
    while everything is being sold."""
    file = cli.folder / "sentinel.env"
    file.write_text("SENTINEL_LIMITS__MAX_TRADE=300\n")
    del cli.settings["SENTINEL_LIMITS__MAX_TRADE"]
    await cli.spawn("run", "--env-file", str(file))
    await until(cli, lambda found: found["cycles"] > 0, devnet)

    async def sales(limit: int, since: int) -> int:
        """Reload with this limit; how many sales there are once two more were accepted."""
        file.write_text(f"SENTINEL_LIMITS__MAX_TRADE={limit}\n")
        assert (await tell(cli, "reload"))["changed"]["SENTINEL_LIMITS__MAX_TRADE"][1] == limit
        if since == 0:
            await tell(cli, "flatten")
        await until(cli, lambda found: len(ended(found)) >= since + 2, devnet)
        return len(ended((await tell(cli, "status"))["status"]))

    def ended(status: Any) -> list[float]:
        return [sale["for"] for sale in (status["flatten"] or {"sales": []})["sales"] if sale["ended"]]

    at_first = await sales(100, 0)
    later = await sales(50, at_first + 1)  # one more may have been accepted before the reload
    done = ended((await tell(cli, "status"))["status"])
    assert all(80 < sold < 101 for sold in done[:at_first])
    assert all(40 < sold < 51 for sold in done[at_first + 1 : later])


async def test_a_dry_run_has_nothing_to_sell(cli: Cli, devnet: Devnet) -> None:
    """Refused, and the daemon goes on; without a daemon it is exit code 3."""
    assert (await cli("stop", "--flatten"))[0] == 3
    cli.settings |= {"SENTINEL_EXECUTION__MODE": "dry"}
    await cli.spawn("run")
    await until(cli, lambda found: True)
    with pytest.raises(OperatorError, match="a dry run sends nothing"):
        await tell(cli, "flatten")
    assert (await tell(cli, "status"))["status"]["state"] == "running"
