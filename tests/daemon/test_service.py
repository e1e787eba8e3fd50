"""The daemon as users run it: a process of its own on a real local market, watched and steered by the command line."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from sentinel.config.network_file import FOLDER
from sentinel.market import Devnet
from tests.daemon.running import KEY, WALLET, Cli, moving


@pytest.fixture
async def cli(devnet: Devnet, tmp_path: Path) -> AsyncIterator[Cli]:
    async with moving(devnet):
        cli = await Cli.on(devnet, tmp_path)
        yield cli
        await cli.end()


async def test_a_dry_run_decides_and_sends_nothing(cli: Cli, devnet: Devnet) -> None:
    """Acts are journaled as dry, the wallet's nonce stays, metrics parse, and SIGTERM ends it with exit code 0.

    Nothing that it does needs web3.
    """
    cli.settings["PYTHONPROFILEIMPORTTIME"] = "1"
    daemon = await cli.spawn("run")
    status = await cli.until(lambda found: found["acts"] > 0, "status")
    assert status["mode"] == "dry"
    assert status["proposer"] == "oracle"
    async with aiohttp.ClientSession() as session, session.get(f"{status['web']}/metrics") as response:
        families = {family.name: family for family in text_string_to_metric_families(await response.text())}
    acts = [s.value for s in families["sentinel_decisions"].samples if s.labels.get("kind") == "act"]
    assert sum(acts) >= 1
    assert families["sentinel_equity"].samples[0].value > 0

    daemon.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(daemon.wait(), 10) == 0
    assert int(await devnet.rpc.call("eth_getTransactionCount", WALLET, "pending"), 16) == 0
    trades = await cli.json("trades")
    assert {trade["state"] for trade in trades} == {"dry"}
    assert any(trade["realised"] for trade in trades)  # on paper
    code, out, _ = await cli("decisions", "-n", "1000")
    assert code == 0
    assert "swap" in out
    assert not list((cli.folder / "state").glob("*.sock"))
    imported = {line.rpartition("|")[2].strip() for line in (cli.folder / "stderr").read_text().splitlines()}
    assert "sentinel.cycle" in imported
    assert "web3" not in imported


async def test_live_trades_are_confirmed_as_simulated(cli: Cli) -> None:
    """From no allowance at all: approvals first, then a swap, confirmed, its amounts shown beside the simulated."""
    cli.settings |= {"SENTINEL_EXECUTION__CONFIRMATIONS": "1"}
    revoked = await cli.json("approve", "--revoke", "--set", "execution.mode=live")
    assert set(revoked.values()) == {"0"}
    await cli.spawn("run", "--live")

    def swapped(trades: list[dict[str, str]]) -> list[dict[str, str]]:
        return [trade for trade in trades if (trade["kind"], trade["state"]) == ("swap", "confirmed")]

    trades = await cli.until(lambda found: bool(swapped(found)), "trades", within=90)
    trade = swapped(trades)[0]
    assert trade["realised"] is not None
    assert abs(float(trade["shortfall_bps"])) < 100
    assert sum(t["kind"] == "approve" and t["state"] == "confirmed" for t in trades) >= 4  # revoked, then made anew

    # the same directory, and the same wallet from another one
    for state, told in (("state", "another Sentinel"), ("elsewhere", "another Sentinel trades with wallet")):
        code, _, err = await cli("run", "--live", "--set", f"state_dir={cli.folder / state}")
        assert code == 4
        assert told in err
        assert "Traceback" not in err

    decisions = await cli.json("decisions", "-n", "1000")
    act = next(line for line in decisions if line["act"])
    replayed = await cli.json("replay", str(act["id"]))
    assert replayed["same"]

    code, out, _ = await cli("stop")
    assert (code, out.strip()) == (0, "stopped")
    everything = b"".join(path.read_bytes() for path in (cli.folder / "state").iterdir() if path.is_file())
    everything += (cli.folder / "stderr").read_bytes()
    assert KEY[2:].encode() not in everything
    assert bytes.fromhex(KEY[2:]) not in everything


async def test_a_pause_holds_across_restarts(cli: Cli, devnet: Devnet) -> None:
    """Paused with or without a running daemon, trading stays halted until it is resumed."""
    cli.settings["SENTINEL_PAPER__WALLET"] = "chain"  # nothing changes it, so the order goes on to trade
    code, _, err = await cli("status")
    assert code == 3
    assert "not running" in err
    daemon = await cli.spawn("run")
    await cli.until(lambda found: found["cycles"] > 0, "status")
    assert (await cli.json("pause", "lunch"))["paused"] == "lunch"
    daemon.kill()  # the answer was given, so it is durable
    await daemon.wait()

    again = await cli.spawn("run")
    status = await cli.until(lambda found: found["cycles"] > 1, "status")
    assert (status["state"], status["paused"]) == ("halted", "lunch")
    _, text, _ = await cli("status")
    assert text.startswith("state        halted: lunch\n")
    assert status["prices"] == devnet.market.source
    assert f"\nprices       {devnet.market.source}\n" in text
    assert "\nopen intent  none\n" in text
    assert status["acts"] == 0
    assert (await cli.json("resume"))["paused"] is None
    await cli.until(lambda found: found["acts"] > 0, "status")
    assert (await cli("stop"))[0] == 0
    assert await asyncio.wait_for(again.wait(), 10) == 0

    assert (await cli("pause", "over night"))[0] == 0
    code, _, err = await cli("status")
    assert (code, "trading is halted: over night" in err) == (3, True)
    await cli("resume")


async def test_nothing_is_left_behind_by_a_killed_daemon(cli: Cli) -> None:
    """After SIGKILL the fork goes away by itself, and the next start works on the same journal."""
    daemon = await cli.spawn("run")
    await cli.until(lambda found: found["cycles"] > 0, "status")
    children = _children(daemon.pid)
    assert children
    daemon.kill()
    await daemon.wait()
    for _ in range(100):
        if not any(_alive(pid) for pid in children):
            break
        await asyncio.sleep(0.05)
    assert not [pid for pid in children if _alive(pid)]
    await cli.spawn("run")
    await cli.until(lambda found: found["cycles"] > 0, "status")
    await cli("stop")


async def test_a_bounded_run_ends_by_itself(cli: Cli) -> None:
    """`run --blocks 3` stops after three cycles, with everything in the journal."""
    code, _, err = await cli("run", "--blocks", "3")
    assert code == 0, err
    assert len(await cli.json("decisions")) == 3


async def test_a_dry_run_is_refused_on_another_chain_than_the_networks(cli: Cli) -> None:
    """The endpoint's chain id must be the network file's."""
    text = (FOLDER / "devnet.toml").read_text()
    pinned = f'chain_id = 1\npinned_block = 0\npinned_hash = "0x{"0" * 64}"'
    network = cli.folder / "one.toml"
    network.write_text(text.replace("chain_id = 31337", pinned))
    cli.settings["SENTINEL_LIMITS__MAX_HEAD_AGE"] = "60"
    code, _, err = await cli("run", "--network", str(network), "--set", "wallet.dev_key_file=")
    assert code == 4
    assert "serves chain 31337" in err


async def test_a_broken_journal_stops_it_loudly(cli: Cli) -> None:
    """A tampered journal is exit code 4 with one line, not a traceback and not a fresh start."""
    assert (await cli("run", "--blocks", "2"))[0] == 0
    with sqlite3.connect(cli.folder / "state" / "journal.sqlite3") as db:
        db.execute("UPDATE records SET at = at + 1 WHERE kind = 'cycle'")
    db.close()
    code, _, err = await cli("run", "--blocks", "2")
    assert code == 4
    assert "its content does not match its hash" in err
    assert "Traceback" not in err


async def test_doctor_finds_all_well_and_says_what_is_not(cli: Cli) -> None:
    """Exit code 0 on a healthy set-up; 1 with a way to mend it where the model is missing."""
    findings = await cli.json("doctor")
    assert {finding["name"] for finding in findings} >= {"chain", "contracts", "anvil", "fork", "gas", "key"}
    assert not [finding for finding in findings if finding["grade"] == "fail"]
    code, out, _ = await cli("doctor", "--set", "proposer=student", "--set", "model.url=http://127.0.0.1:9/v1")
    assert code == 1
    assert "FAIL  model" in out
    assert "hint:" in out


def _children(pid: int) -> list[int]:
    path = Path(f"/proc/{pid}/task/{pid}/children")
    found = [int(child) for child in path.read_text().split()]
    return found + [grandchild for child in found for grandchild in _children(child)]


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    return state != "Z"
