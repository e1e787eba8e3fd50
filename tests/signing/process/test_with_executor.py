"""The executor over a signer in another process, on a real chain: kills, lost answers and restarts."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import errno
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from sentinel.config.settings import Settings, load
from sentinel.config.terms import Terms, TokenCaps
from sentinel.core.errors import SignerUnavailable
from sentinel.core.host.process import Child
from sentinel.core.transaction import Fees, Outcome
from sentinel.core.units import GWEI
from sentinel.daemon.signer import watchdog as signer_watch
from sentinel.daemon.signer.supervisor import SignerSupervisor, supervised_signer
from sentinel.daemon.signer.watchdog import SignerWatchdog
from sentinel.signing.client import ask_greeting
from sentinel.signing.trade_rules import answers_of
from tests.execute.rig import COUNTER, KEY, STATE, Rig, decision, network, until

CHAIN = 31337


def _settings(folder: Path, **more: Any) -> Settings:
    key = folder / "dev.key"
    key.write_text(KEY)
    toml = folder / "net.toml"
    devnet = Path("sentinel/config/networks/devnet.toml").read_text()
    toml.write_text(devnet.replace(_line(devnet, "universal_router"), f'universal_router = "{COUNTER}"'))
    limits = {"max_fee_gwei": 500.0, "max_priority_fee_gwei": 50.0, "max_cost_eth": 1.0, "max_deadline": 600}
    given: dict[str, Any] = {"state_dir": folder / "state", "wallet": {"dev_key_file": key}, "limits": limits}
    return load(None, network=str(toml), **given, **more)


def _line(text: str, name: str) -> str:
    return next(line for line in text.splitlines() if line.startswith(name))


def _caps(given: Settings) -> TokenCaps:
    found = Terms.of(given, network()).token_caps({"WETH": 2000.0, "WBTC": 60_000.0})
    return dataclasses.replace(found, prices=_prices())


def _prices() -> dict[str, int]:
    return answers_of(STATE.reference, network())


@contextlib.asynccontextmanager
async def rigged(folder: Path, **more: Any) -> AsyncIterator[tuple[Rig, SignerSupervisor]]:
    """The executor's rig, its key in a process of its own."""
    given = _settings(folder, **more)
    async with Rig.start(folder) as rig, supervised_signer(given, network()) as held:
        await held.allow(_caps(given))
        rig.signer = held.client
        rig.restart()
        yield rig, held


async def test_a_trade_is_signed_elsewhere_and_confirmed(tmp_path: Path) -> None:
    """Prepared, signed, raised and mined as with a key in the process."""
    async with rigged(tmp_path) as (rig, _):
        await rig.trade(1)
        settled = await rig.follow()
        assert settled.outcome is Outcome.CONFIRMED
        assert await rig.effects(1) == 1


async def test_a_dead_signer_holds_the_trade_and_nothing_else_takes_its_nonce(tmp_path: Path) -> None:
    """Nothing is sent while it is dead, the intent waits, and once it is back the same nonce is signed: one effect."""
    async with rigged(tmp_path) as (rig, held):
        assert held.child is not None
        os.kill(held.child.pid, signal.SIGKILL)
        await held.child.wait()
        await rig.trade(5)
        assert rig.notes.alarms == ["unsent"]
        with pytest.raises(SignerUnavailable):
            await rig.executor.on_head(await rig.mine())
        assert (rig.executor.open_intent is not None, await rig.effects(5)) == (True, 0)
        assert rig.journal.halt_reason is None
        await held.child.stop()
        await held.child.start()
        await held.set_caps(_caps(_settings(tmp_path)))
        settled = await rig.follow()
        assert (settled.outcome, await rig.effects(5)) == (Outcome.CONFIRMED, 1)


async def test_a_full_day_is_no_fault(tmp_path: Path) -> None:
    """The first trade fills the signer's day of gas: the second expires with an alarm, and nothing is sent or
    latched."""
    async with rigged(tmp_path, signer={"max_daily_gas_eth": 0.015}) as (rig, _):
        await rig.trade(1)
        assert (await rig.follow()).outcome is Outcome.CONFIRMED
        await rig.trade(2)
        assert (rig.notes.alarms, rig.journal.halt_reason) == (["signer_day"], None)
        assert [settled.outcome for settled, _ in rig.notes.ended] == [Outcome.CONFIRMED, Outcome.EXPIRED]
        assert rig.executor.open_intent is None
        await rig.mine()
        assert [await rig.effects(tag) for tag in (1, 2)] == [1, 0]


async def test_a_signature_that_was_lost_keeps_its_nonce(tmp_path: Path) -> None:
    """Signed, and then the daemon died before it was written down: the next trade's nonce is taken by a cancel, so that
    no second payload is ever signed for it; the trade after that goes through."""
    async with rigged(tmp_path) as (rig, held):
        lost = decision(1, int(rig.clock() + 300), await rig.head()).simulation.tx
        assert lost is not None
        _, nonce = await rig.executor.watch.mined_nonce()
        raw = (await held.client.sign_transaction(CHAIN, nonce, lost, Fees(100 * GWEI, 2 * GWEI), _prices())).raw
        await rig.trade(2)
        assert "nonce_held" in rig.notes.alarms
        assert (await rig.follow()).outcome is Outcome.CANCELLED
        await rig.trade(3)
        assert (await rig.follow()).outcome is Outcome.CONFIRMED
        assert [await rig.effects(tag) for tag in (1, 2, 3)] == [0, 0, 1]
        assert rig.journal.halt_reason is None
        assert raw  # it exists, and no chain takes it any more


async def test_a_signer_that_dies_is_started_again_so_often_and_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Loud each time; it signs again with the same caps and counters; at the end the daemon is told to stop trading."""
    monkeypatch.setattr(signer_watch, "RESTARTS", 1)
    monkeypatch.setattr(signer_watch, "PAUSE", 0.0)
    given = _settings(tmp_path)
    alarms: list[str] = []
    lost: list[str] = []
    async with supervised_signer(given, network()) as held:
        assert held.child is not None
        caps = await held.allow(_caps(given))
        watch = SignerWatchdog(held, caps, lambda kind, told: alarms.append(told), lost.append)
        await watch.start()
        first = held.child.pid
        os.kill(first, signal.SIGKILL)
        for _ in range(600):
            if held.child.running and held.child.pid != first:
                with contextlib.suppress(SignerUnavailable):
                    if not (await ask_greeting(held.client.path)).open_caps:
                        break
            await asyncio.sleep(0.05)
        assert (await held.probe())[0]
        assert (len(alarms), lost) == (1, [])
        os.kill(held.child.pid, signal.SIGKILL)
        await until(lambda: bool(lost))
        assert len(alarms) == 2
        await watch.stop()


async def test_a_start_that_fails_is_one_of_the_tries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fork that fails, and caps that are refused: each is tried again, and after the third try the
    daemon is told. Nothing ends the watcher in silence."""
    monkeypatch.setattr(signer_watch, "PAUSE", 0.0)
    given = _settings(tmp_path)
    lost: list[str] = []
    alarms: list[str] = []
    async with supervised_signer(given, network()) as held:
        child = held.child
        assert child is not None
        caps = await held.allow(_caps(given))
        watch = SignerWatchdog(held, caps, lambda kind, told: alarms.append(told), lost.append)
        start = child.start
        tries: list[str] = []

        async def faulty() -> Child:
            tries.append("start")
            if len(tries) == 1:
                raise OSError(errno.EAGAIN, "fork: no process left")
            started = await start()
            if len(tries) == 2:  # somebody is quicker than the watcher
                await held.set_caps(_caps(given))
            return started

        monkeypatch.setattr(child, "start", faulty)
        await watch.start()
        os.kill(child.pid, signal.SIGKILL)
        await until(lambda: len(tries) == 3 and child.running, 30.0)
        assert lost == []
        assert "no process left" in alarms[1]
        assert "its caps are set" in alarms[2]
        os.kill(child.pid, signal.SIGKILL)
        await until(lambda: bool(lost), 30.0)
        assert (len(tries), len(alarms), child.running) == (3, 4, False)
        await watch.stop()
