"""An approval as a candidate: proposed, simulated, voted on by what it would do, checked, signed, mined, settled."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sentinel.chain.heads import latest_head
from sentinel.config.limits import Limits
from sentinel.config.settings import load
from sentinel.core.actions import Approve, HoldAction
from sentinel.core.decision import Act, Hold
from sentinel.core.spent import Spent
from sentinel.core.transaction import Outcome
from sentinel.decide.policy import Policy
from sentinel.decide.vote import vote
from sentinel.execute.broadcast import Broadcaster
from sentinel.execute.dry_run import DryRunExecutor
from sentinel.execute.fee_bids import FeeCaps
from sentinel.execute.send_state import SendRules
from sentinel.execute.sender import LiveExecutor
from sentinel.journal.journal import Journal
from sentinel.signing.process.local_signer import DevSigner
from sentinel.signing.signer_limits import SignerLimits

from .conftest import Desk, candidates

NOTHING = Spent(0, 0)


async def decided(desk: Desk, *amounts: float, asked: int = 8) -> Act | Hold:
    """What the vote says of approvals of USDC over these whole amounts, each through simulation and policy."""
    state = await desk.state()
    actions = [desk.build.approve(state, "USDC", amount) for amount in amounts]
    tried = await desk.kit.simulate_all(state, candidates(*actions, HoldAction("wait")))
    ballots, _ = policy(desk).screen(tried, state, NOTHING)
    return vote(ballots, asked=asked)


def policy(desk: Desk) -> Policy:
    return Policy(desk.network, Limits.of(load(env_file=None).limits, desk.network))


async def test_approvals_vote_by_token_spender_and_amount(desk: Desk) -> None:
    """Amounts within the agreement count together, others apart; above the cap none is a ballot."""
    assert isinstance(await decided(desk, 5_000, 5_000, 5_100, 5_200, 5_050), Act)
    assert isinstance(await decided(desk, 5_000, 5_000, 9_000, 1_000, 2_000), Hold)
    assert isinstance(await decided(desk, *[20_001.0] * 8), Hold)
    revoked = await decided(desk, *[0.0] * 5)
    assert isinstance(revoked, Act)
    assert revoked.simulation.candidate.action == Approve(
        "USDC", "permit2", 0, (await desk.state()).head.timestamp + 120
    )


async def test_a_voted_approval_is_signed_mined_and_settled(desk: Desk, tmp_path: Path) -> None:
    """From five votes of eight to the allowance on the chain, journaled as an approval; a dry run only prepares."""
    state = await desk.state()
    decision = await decided(desk, 5_000, 5_000, 5_000, 5_000, 5_000)
    assert isinstance(decision, Act)
    key = tmp_path / "dev.key"
    key.write_text("0x" + bytes(desk.account.key).hex())
    bounds = Limits.of(load(env_file=None).limits, desk.network)
    signer = DevSigner.load(key, SignerLimits.of(desk.network, bounds, {"USDC": 20_000 * 10**6}))
    block = await desk.net.rpc.call("eth_getBlockByNumber", "0x0", False)
    journal = Journal.open(tmp_path / "journal.sqlite", desk.network, block["hash"], desk.account.address)
    rules = SendRules(1, 3, 60.0, FeeCaps(500 * 10**9, 50 * 10**9, 10**18))
    executor = LiveExecutor(
        desk.net.rpc, Broadcaster(desk.net.rpc), journal, signer, desk.network, block["hash"], desk.kit.finalise, rules
    )
    dry = await DryRunExecutor(journal).prepare(decision, state)
    assert (dry.signed, dry.deadline) == (False, state.head.timestamp + 120)
    intent = await executor.prepare(decision, state)
    confirmed = await desk.kit.confirm(intent, state.head, state)
    verdicts = policy(desk).check(confirmed, decision, state, state.head, NOTHING, state.head.timestamp)
    assert [verdict for verdict in verdicts if not verdict.ok] == []
    journal.accept(None, intent)
    await executor.execute(intent)
    settled = None
    for _ in range(8):
        await desk.net.rpc.call("evm_mine")
        settled = settled or await executor.on_head(await latest_head(desk.net.rpc))
    assert settled is not None
    assert settled.outcome is Outcome.CONFIRMED
    assert (await desk.state()).allowances["USDC"] == 5_000 * 10**6
    assert [(trade.kind, trade.state, trade.token_in) for trade in journal.trades(3)] == [
        ("approve", "confirmed", "USDC")
    ]
    journal.close()


@pytest.mark.parametrize("twist", ["spender", "amount", "token"])
async def test_bytes_that_approve_something_else_are_no_ballot(desk: Desk, twist: str) -> None:
    """Policy reads the calldata itself: another spender, amount or token than the action says is refused."""
    state = await desk.state()
    action = desk.build.approve(state, "USDC", 100)
    (simulation,) = await desk.kit.simulate_all(state, candidates(action))
    tx = simulation.tx
    assert tx is not None
    changed = {
        "spender": replace(tx, data=tx.data[:35] + b"\x01" + tx.data[36:]),
        "amount": replace(tx, data=tx.data[:-1] + b"\x01"),
        "token": replace(tx, to=desk.network.tokens["WETH"].address),
    }[twist]
    ballots, refusals = policy(desk).screen([replace(simulation, tx=changed)], state, NOTHING)
    assert (ballots, [refusal.rule for refusal in refusals]) == ((), ["approval"])
