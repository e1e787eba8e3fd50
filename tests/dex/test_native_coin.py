"""Native coin sold for a token: from the vote to the chain, with value, without a permit, and counted as a trade."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sentinel.chain.heads import latest_head
from sentinel.config.limits import Limits
from sentinel.config.settings import load
from sentinel.core.decision import Act
from sentinel.core.network import NATIVE
from sentinel.core.record import CycleRecord
from sentinel.core.spent import Spent
from sentinel.core.transaction import Outcome
from sentinel.core.valuation import reference_prices, value
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
WAYS = {
    "sold": (["ETH", "WETH", "USDC"], ["wrap", "v3-500"], "USDC"),
    "wrapped": (["ETH", "WETH"], ["wrap"], "WETH"),
    "unwrapped": (["WETH", "ETH"], ["unwrap"], "ETH"),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
async def test_native_coin_goes_from_the_vote_to_the_chain(
    desk: Desk, tmp_path: Path, way: tuple[list[str], list[str], str]
) -> None:
    """Five votes of eight; the value is exactly what was put in, and volume, result and drift are those of a trade."""
    tokens, venues, bought = way
    state = await desk.state()
    bounds = Limits.of(load(env_file=None).limits, desk.network)
    policy = Policy(desk.network, bounds)
    actions = [desk.build.route(state, tokens, amount, venues) for amount in (0.2, 0.201, 0.202, 0.201, 0.203)]
    tried = await desk.kit.simulate_all(state, candidates(*actions))
    ballots, refusals = policy.screen(tried, state, NOTHING)
    assert refusals == ()
    decision = vote(ballots, asked=8)
    assert isinstance(decision, Act)
    swap = decision.simulation.candidate.action
    assert swap in actions

    key = tmp_path / "dev.key"
    key.write_text("0x" + bytes(desk.account.key).hex())
    signer = DevSigner.load(key, SignerLimits.of(desk.network, bounds, {"USDC": 10**10, "WETH": 10**18}))
    block = await desk.net.rpc.call("eth_getBlockByNumber", "0x0", False)
    journal = Journal.open(tmp_path / "journal.sqlite", desk.network, block["hash"], desk.account.address)
    rules = SendRules(1, 3, 60.0, FeeCaps(500 * 10**9, 50 * 10**9, 10**18))
    executor = LiveExecutor(
        desk.net.rpc, Broadcaster(desk.net.rpc), journal, signer, desk.network, block["hash"], desk.kit.finalise, rules
    )
    dry = await DryRunExecutor(journal).prepare(decision, state)
    intent = await executor.prepare(decision, state)
    sent = decision.simulation.gross if tokens[0] == NATIVE else 0
    assert (dry.tx.value, intent.tx.value) == (sent, sent)
    assert (intent.tx == dry.tx) is (tokens[0] == NATIVE)  # nothing to permit, so nothing is added
    for prepared in (dry, intent):
        confirmed = await desk.kit.confirm(prepared, state.head, state)
        verdicts = policy.check(confirmed, decision, state, state.head, NOTHING, state.head.timestamp)
        assert [verdict for verdict in verdicts if not verdict.ok] == []
    cycle = CycleRecord(state.head, state, None, None, tried, (), decision, verdicts, intent.id, {})
    journal.accept(cycle, intent)
    await executor.execute(intent)
    settled = None
    for _ in range(8):
        await desk.net.rpc.call("evm_mine")
        settled = settled or await executor.on_head(await latest_head(desk.net.rpc))

    assert settled is not None
    assert settled.outcome is Outcome.CONFIRMED
    assert settled.realised == decision.simulation.deltas
    assert settled.realised[tokens[0]] == -decision.simulation.gross
    assert settled.realised[bought] > 0
    (trade,) = journal.trades(3)
    assert (trade.token_in, trade.token_out, trade.shortfall_bps) == (tokens[0], bought, 0.0)
    prices = reference_prices(state)
    volume = journal.spent_today(trade.at).volume
    assert volume == value({"WETH": decision.simulation.gross}, prices, desk.network)
    result = value(settled.realised, prices, desk.network) + value({NATIVE: -settled.gas_cost}, prices, desk.network)
    assert trade.pnl_quote == result < 0
    assert journal.verify()
    journal.close()


async def test_gas_is_what_the_value_leaves(desk: Desk) -> None:
    """While screening, gas is what the wallet can pay beside the value; what it cannot pay at all is a revert."""
    state = await desk.state()
    until = state.head.timestamp + 60
    held = state.balances[NATIVE]
    fee = 2 * state.head.base_fee + state.priority_fee
    for spare, fails in ((200_000 * fee, False), (20_000 * fee, True), (-1, True)):
        swap = desk.swap("wrap", "WETH/USDC-v2", token_in=NATIVE, amount=held - spare, deadline=until)
        (simulation,) = await desk.kit.simulate_all(state, candidates(swap))
        assert (simulation.revert is not None) is fails, simulation.revert
        assert simulation.tx is not None
        assert simulation.tx.value + simulation.tx.gas_limit * fee <= held or fails


async def test_policy_keeps_the_gas_reserve(desk: Desk) -> None:
    """What the builder lets through still leaves the operator's reserve, or is no ballot."""
    state = await desk.state()
    bounds = replace(Limits.of(load(env_file=None).limits, desk.network), gas_reserve=48 * 10**17)
    action = desk.build.route(state, ["ETH", "WETH", "USDC"], 0.25, ["wrap", "v3-500"])
    tried = await desk.kit.simulate_all(state, candidates(action))
    _, refusals = Policy(desk.network, bounds).screen(tried, state, NOTHING)
    assert [refusal.rule for refusal in refusals] == ["gas_reserve"]
