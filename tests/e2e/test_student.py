"""From a new block to a confirmed swap, by the shipped student's programs of an approved order."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from sentinel.agent.vllm_server import NAME, VllmServer
from sentinel.core.decision import Act, Hold
from sentinel.core.transaction import Outcome
from sentinel.market import Devnet

from .conftest import WALLET, Run, running

pytestmark = pytest.mark.asyncio(loop_scope="session")

CHAIN = {"wallet": "chain"}  # a dry run with balances that nothing changes, so that the order goes on to trade


def held(run: Run, reason: str) -> bool:
    return (
        bool(run.records) and isinstance(run.records[-1].decision, Hold) and run.records[-1].decision.reason == reason
    )


async def test_a_confirmed_swap_changes_balances_exactly_as_simulated(
    devnet: Devnet, student: VllmServer, tmp_path: Path
) -> None:
    async with running(devnet, student, tmp_path) as run:
        await run.until(lambda: len(run.settled) >= 3)
        acted = {r.intent_id: r for r in run.records if r.intent_id is not None}
        for settled in run.settled[1:]:  # blocks went by while the student wrote the programs of the first
            decision = acted[settled.intent_id].decision
            assert isinstance(decision, Act)
            promised = {symbol: delta for symbol, delta in decision.simulation.deltas.items() if delta}
            realised = {symbol: delta for symbol, delta in settled.realised.items() if delta}
            assert settled.outcome is Outcome.CONFIRMED
            assert realised == promised
            assert {"USDC", "WETH"} == set(promised)
            assert decision.asked == 8
            assert decision.votes > 4
        proposals = [r.proposal for r in run.records if r.proposal is not None]
        assert {proposal.source for proposal in proposals} == {f"student:{NAME}"}
        assert run.app.parts.journal.verify() > 0


async def test_a_dry_run_decides_but_sends_nothing(devnet: Devnet, student: VllmServer, tmp_path: Path) -> None:
    async with running(devnet, student, tmp_path, mode="dry") as run:
        before = await devnet.rpc.call("eth_getTransactionCount", WALLET, "latest")
        await run.until(lambda: sum(isinstance(r.decision, Act) for r in run.records) >= 3)
        assert await devnet.rpc.call("eth_getTransactionCount", WALLET, "pending") == before
        assert int(await devnet.rpc.call("eth_getBalance", WALLET, "latest"), 16) == 10**18
        assert not run.settled


async def test_a_killed_fork_is_replaced_and_a_frozen_one_holds(
    devnet: Devnet, student: VllmServer, tmp_path: Path
) -> None:
    async with running(devnet, student, tmp_path, mode="dry", direct="never", paper=CHAIN) as run:
        fork = run.app.parts.fork
        assert fork is not None
        await run.until(lambda: bool(run.records) and isinstance(run.records[-1].decision, Act))
        first = fork.pid
        assert first is not None
        os.kill(first, signal.SIGKILL)  # it may be back before a cycle misses it
        await run.until(lambda: fork.pid not in (None, first) and fork.healthy)
        seen = len(run.records)
        await run.until(lambda: len(run.records) > seen and isinstance(run.records[-1].decision, Act))
        second = fork.pid
        assert second is not None
        os.kill(second, signal.SIGSTOP)  # it answers nothing, and does not die
        await run.until(lambda: held(run, "fork_unavailable"))
        await run.until(lambda: isinstance(run.records[-1].decision, Act), patience=90.0)


@pytest.mark.proof  # a second start of vLLM
async def test_a_killed_model_holds_and_recovers(devnet: Devnet, student: VllmServer, tmp_path: Path) -> None:
    async with running(devnet, student, tmp_path, mode="dry", resample=1, paper=CHAIN) as run:
        await run.until(lambda: bool(run.records) and isinstance(run.records[-1].decision, Act))
        await student.child.kill()
        await run.until(lambda: held(run, "model_unavailable"))
        await student.child.start()
        await run.until(lambda: isinstance(run.records[-1].decision, Act))
