"""The chain's clock and this machine's apart, on a real chain: the chain's judges deadlines, and the gap is told."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sentinel.chain.endpoints import EndpointPool
from sentinel.chain.heads import latest_head
from sentinel.config.settings import load
from sentinel.core.transaction import Outcome
from sentinel.daemon.doctor.endpoint_checks import first_answer
from sentinel.daemon.doctor.findings import Finding
from sentinel.observe.health import Health, HealthCheck
from tests.attack_tally import Tries
from tests.execute.rig import GWEI, Rig

pytestmark = pytest.mark.attack("two clocks for one deadline", "contained")


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with Rig.start(tmp_path) as rig:
        yield rig


async def shown(rig: Rig, clock: float) -> tuple[Finding, HealthCheck]:
    """Doctor's finding of the head, and readiness by a clock that is `clock` seconds ahead of the real one."""
    head = await latest_head(rig.rpc)
    health = Health(max_head_age=60, parts=(), clock=lambda: time.time() + clock)
    health.head_seen(head)
    (ready,) = [check for check in health.ready() if check.name == "heads"]
    settings = load(None, rpc={"url": rig.net.rpc_url})
    async with EndpointPool(settings.rpc.endpoints, rig.network) as pool:
        with pytest.MonkeyPatch.context() as patch:
            now = time.time() + clock
            patch.setattr("sentinel.daemon.doctor.endpoint_checks.time.time", lambda: now)
            findings = [finding async for finding in first_answer(settings, rig.network, pool)]
    return findings[-1], ready


async def test_doctor_and_readyz_tell_by_how_much_the_clock_is_wrong(rig: Rig, tries: Tries) -> None:
    """A clock two hours behind or ahead, and a chain 130 s ahead: neither is ready, and both say what to do."""
    await rig.mine()
    finding, ready = await shown(rig, 0.0)
    assert (finding.grade, ready.ok) == ("ok", True)
    for clock, words in ((-7_200.0, "behind the chain"), (7_200.0, "this machine's clock is 7")):
        finding, ready = await shown(rig, clock)
        assert (finding.grade, ready.ok) == ("warn", False)
        for said in (finding.what, ready.why):
            assert words in said or "ahead, or the node lags" in said
            assert "NTP" in said
            assert " -" not in said
        tries.contained()
    await rig.net.rpc.call("evm_increaseTime", 130)
    await rig.mine()
    finding, ready = await shown(rig, 0.0)
    assert (finding.grade, ready.ok) == ("warn", False)
    assert "behind the chain" in finding.what
    assert "behind the chain" in ready.why
    tries.contained()


async def test_a_jump_past_the_deadline_cancels_and_never_raises(rig: Rig) -> None:
    """The chain's time jumps past the deadline while the trade waits; our own clock does not. Raised, it would only
    revert and cost its gas: a transfer of nothing takes the nonce back."""
    intent = await rig.trade(1, fee=17 * GWEI)
    (first,) = rig.journal.attempts(intent.id)
    await rig.net.rpc.call("anvil_dropTransaction", first.tx_hash)
    await rig.net.rpc.call("evm_increaseTime", 130)
    assert await rig.executor.on_head(await rig.mine(4)) is None
    settled = await rig.follow()
    assert (settled.outcome, settled.gas_used) == (Outcome.CANCELLED, 21_000)
    assert [attempt.cancel for attempt in rig.journal.attempts(intent.id)] == [False, True]


async def test_our_own_clock_cancels_nothing_that_the_chain_takes(rig: Rig) -> None:
    """Two hours ahead: the trade is followed to its end, as its deadline is the chain's."""
    intent = await rig.trade(1)
    (attempt,) = rig.journal.attempts(intent.id)
    await rig.net.rpc.call("anvil_dropTransaction", attempt.tx_hash)
    rig.offset += 7_200
    settled = await rig.follow()
    assert settled.outcome is Outcome.CONFIRMED
    assert await rig.effects(1) == 1
    assert not any(one.cancel for one in rig.journal.attempts(intent.id))
