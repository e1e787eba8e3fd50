"""A reload of the settings: whole or not at all, between two cycles, journaled, and replayed by."""

from __future__ import annotations

import asyncio
import json
import signal
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.config import reloadable
from sentinel.config.reloadable import RELOADABLE, changes, check, flat, restored, values
from sentinel.config.settings import Settings, load, names
from sentinel.core.errors import OperatorError, SettingsError
from sentinel.daemon.operator.control import ask
from sentinel.market import Devnet
from tests.attack_tally import Tries
from tests.daemon.running import ORDER, Cli, moving
from tests.journal.values import bodies
from tests.orders.taught_sampler import TaughtSampler


def test_every_reloadable_name_is_a_setting() -> None:
    """A name that is mistyped here would never change anything."""
    assert {reloadable.variable(name) for name in RELOADABLE} <= set(names())
    assert set(flat(load(env_file=None))) >= RELOADABLE


@given(
    st.fixed_dictionaries({}, optional={"quorum_bps": st.integers(0, 9999), "dust": st.floats(0, 9)}),
    st.fixed_dictionaries({}, optional={"max_trade": st.floats(1, 1e6), "max_inventory_bps": st.just({"WETH": 7000})}),
)
def test_changes_are_exactly_what_differs(vote: dict[str, Any], limits: dict[str, Any]) -> None:
    """Each value that is another one is named with both, nothing else is; the journaled values bring it back."""
    old, new = load(env_file=None), load(env_file=None, vote=vote, limits=limits)
    found = {change.name: (change.old, change.new) for change in changes(old, new)}
    assert found == {
        name: (flat(old)[name], flat(new)[name]) for name in flat(old) if flat(old)[name] != flat(new)[name]
    }
    assert restored(old, json.loads(json.dumps(values(new)))) == new
    assert not changes(new, new)


def test_what_cannot_change_refuses_all_of_it() -> None:
    """One name that needs a restart, and the good ones beside it are refused too; each is told of."""
    old = load(env_file=None)
    new = load(env_file=None, vote={"dust": 1.0}, limits={"max_gas": 1_000_000}, web={"port": 1})
    with pytest.raises(SettingsError, match=r"SENTINEL_LIMITS__MAX_GAS(.|\n)*SENTINEL_WEB__PORT"):
        check(old, old, new)


def test_a_live_daemon_raises_nothing_that_its_signer_has_a_copy_of() -> None:
    """Down, and up again to where it began, but not beyond; a dry run signs nothing and may."""

    def of(mode: str, most: float) -> Settings:
        return load(env_file=None, execution={"mode": mode}, limits={"max_trade": most})

    assert check(of("live", 1000), of("live", 1000), of("live", 10))
    assert check(of("live", 1000), of("live", 10), of("live", 1000))
    assert check(of("dry", 1000), of("dry", 1000), of("dry", 2000))
    with pytest.raises(SettingsError, match="MAX_TRADE was 1000 at the start"):
        check(of("live", 1000), of("live", 10), of("live", 1001))


@pytest.fixture
async def cli(devnet: Devnet, tmp_path: Path) -> AsyncIterator[Cli]:
    async with moving(devnet):
        cli = await Cli.on(devnet, tmp_path, SENTINEL_STRATEGY__ORDER=ORDER.replace("500 USDC", "60 USDC"))
        yield cli
        await cli.end()


async def metrics(web: str) -> str:
    async with aiohttp.ClientSession() as session, session.get(f"{web}/metrics") as response:
        return await response.text()


def records(folder: Path, kind: str) -> list[tuple[int, dict[str, Any]]]:
    return [(seq, json.loads(body)) for seq, body in bodies(folder / "state" / "journal.sqlite3", kind)]


async def test_a_running_daemon_takes_new_settings_between_two_cycles(cli: Cli, tmp_path: Path) -> None:
    """By command and by SIGHUP: in force from the next cycle on, journaled before it; a bad one changes nothing; each
    cycle is replayed with the settings of its time."""
    file = tmp_path / "sentinel.env"
    small = "SENTINEL_LIMITS__MAX_TRADE=100\nSENTINEL_LIMITS__MAX_COST_BPS=2000\n"
    file.write_text(small)
    daemon = await cli.spawn("run", "--env-file", str(file))
    status = await cli.until(lambda found: found["acts"] > 0, "status")

    file.write_text(small + "SENTINEL_LIMITS__MIN_TRADE=50\nSENTINEL_VOTE__QUORUM_BPS=6000\n")
    changed = await cli.json("reload")
    assert changed == {"SENTINEL_LIMITS__MIN_TRADE": [1.0, 50.0], "SENTINEL_VOTE__QUORUM_BPS": [5000, 6000]}
    await cli.until(lambda _: len(records(tmp_path, "config")) == 2, "status")
    (_, begun), (at, second) = records(tmp_path, "config")
    assert (begun["by"], begun["values"]["vote.quorum_bps"]) == ("start", 5000)
    assert (second["by"], second["changed"], second["values"]["vote.quorum_bps"]) == ("operator", changed, 6000)
    assert "sentinel_config_generation 2.0" in await metrics(status["web"])

    file.write_text("SENTINEL_VOTE__QUORUM_BPS=7000\nSENTINEL_FORK__TIMEOUT=9\nSENTINEL_LIMITS__MIN_TRADE=no\n")
    code, _, err = await cli("reload")
    assert code == 4
    assert "SENTINEL_LIMITS__MIN_TRADE" in err
    file.write_text("SENTINEL_VOTE__QUORUM_BPS=7000\nSENTINEL_FORK__TIMEOUT=9\n")
    daemon.send_signal(signal.SIGHUP)
    for _ in range(200):
        if 'sentinel_config_reloads_total{result="refused"} 2.0' in (text := await metrics(status["web"])):
            break
        await asyncio.sleep(0.1)
    assert 'sentinel_config_reloads_total{result="applied"} 1.0' in text
    assert "sentinel_config_generation 2.0" in text
    assert "SENTINEL_FORK__TIMEOUT cannot change" in (tmp_path / "stderr").read_text()

    file.unlink()
    code, _, err = await cli("reload")
    assert (code, "is gone" in err) == (4, True)
    file.write_text("SENTINEL_STRATEGY__EXITS=vote\n")
    daemon.send_signal(signal.SIGHUP)
    await cli.until(lambda _: len(records(tmp_path, "config")) == 3, "status")
    before = (await cli.json("status"))["cycles"]
    await cli.until(lambda found: found["cycles"] > before + 1, "status")
    assert 'sentinel_proposer_info{kind="order"} 1.0' in await metrics(status["web"])
    daemon.terminate()
    assert await asyncio.wait_for(daemon.wait(), 30) == 0

    with sqlite3.connect(tmp_path / "state" / "journal.sqlite3") as db:
        acted = "SELECT seq FROM cycles WHERE seq < ? AND seq > 0 ORDER BY seq LIMIT 3"
        early = [seq for (seq,) in db.execute(acted, (at,))]
    assert early
    for seq in early:  # with the environment of today: the limits of 100 are in the journal alone
        code, out, err = await cli("replay", str(seq))
        assert code == 0, out + err


REFUSED = {  # text of the file beside a limit of 100 -> a part of what is said about it
    "infinity": ("SENTINEL_LIMITS__MAX_TRADE=inf\n", "line 1: SENTINEL_LIMITS__MAX_TRADE: the number|in the digits"),
    "an unbounded breaker": ("SENTINEL_LIMITS__MAX_SHORTFALL_BPS=inf\n", "SENTINEL_LIMITS__MAX_SHORTFALL_BPS"),
    "the old name": ("SENTINEL_LIMITS__MAX_DRIFT_BPS=inf\n", "set SENTINEL_LIMITS__MAX_SHORTFALL_BPS instead"),
    "a group": ("SENTINEL_LIMITS=x\n", "line 1: SENTINEL_LIMITS is not a setting"),
    "a colon": ("SENTINEL_LIMITS__MAX_TRADE: 5\n", "line 1: this is not NAME=VALUE"),
    "an open quotation mark": ('SENTINEL_LIMITS__MAX_TRADE="5\nSENTINEL_VOTE__DUST=1\n', "line 1: .*not closed"),
    "a limit twice": (
        "SENTINEL_LIMITS__MAX_TRADE=100\nSENTINEL_LIMITS__MAX_TRADE=1000\n",
        "line 2: .*in line 1 already",
    ),
    "an empty limit": ("SENTINEL_LIMITS__MAX_TRADE=\n", "line 1: .*is empty"),
    "no text": ("SENTINEL_NETWORK=\udcff\n", "cannot be read"),
    "a token that is not there": ("SENTINEL_LIMITS__MAX_INVENTORY_BPS=WETHH=1\n", "WETHH not in network"),
}


@pytest.mark.attack("values and lines", "refused")
async def test_a_reload_that_is_not_understood_changes_nothing(cli: Cli, tmp_path: Path, tries: Tries) -> None:
    """By socket and by SIGHUP: the daemon lives, says what is wrong, counts the refusal, and keeps the limit of 100."""
    file = tmp_path / "sentinel.env"
    file.write_text("SENTINEL_LIMITS__MAX_TRADE=100\n")
    daemon = await cli.spawn("run", "--env-file", str(file))
    status = await cli.until(lambda found: found["cycles"] > 0, "status")
    for count, (text, said) in enumerate(REFUSED.values(), 1):
        file.write_text(text, errors="surrogateescape")
        with pytest.raises(OperatorError, match=said):
            await asyncio.to_thread(ask, tmp_path / "state", "reload")
        daemon.send_signal(signal.SIGHUP)
        counted = f'sentinel_config_reloads_total{{result="refused"}} {2 * count}.0'
        for _ in range(100):
            if counted in (shown := await metrics(status["web"])):
                break
            await asyncio.sleep(0.05)
        assert counted in shown
        tries.refused(2)
    file.write_text("SENTINEL_LIMITS__MAX_TRADE=90\n")
    changed = (await asyncio.to_thread(ask, tmp_path / "state", "reload"))["changed"]
    assert changed == {"SENTINEL_LIMITS__MAX_TRADE": [100.0, 90.0]}
    assert daemon.returncode is None


async def test_without_files_to_load_a_hang_up_stops(devnet: Devnet, tmp_path: Path) -> None:
    """SIGHUP to a demo, as when its terminal closes, ends it as SIGTERM does."""
    from sentinel.daemon.wiring import opened

    settings = load(
        env_file=None,
        rpc={"url": devnet.rpc_url},
        state_dir=tmp_path,
        fork={"port": 0},
        web={"port": 0},
        proposer="oracle",
        strategy={"order": ORDER},
        wallet={"address": "0x" + "11" * 20},
    )

    async with opened(settings, trader_model=TaughtSampler()) as app:
        running = asyncio.create_task(app.daemon.run())
        for _ in range(200):
            if app.parts.board.web is None:
                await asyncio.sleep(0.05)
        signal.raise_signal(signal.SIGHUP)
        assert await asyncio.wait_for(running, 30) == 0
