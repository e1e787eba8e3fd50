"""One recorded cycle as text that fits a screen: all parts of the record, equal ones folded with their count. Pure."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from sentinel.core.network import NATIVE
from sentinel.observe import plain_words

if TYPE_CHECKING:
    from sentinel.core.actions import Action, Proposal
    from sentinel.core.market_state import MarketState
    from sentinel.core.network import Network, Symbol
    from sentinel.core.record import CycleRecord, PlayedOrder
    from sentinel.core.simulation import Simulation
    from sentinel.journal.reports import Trade

WIDTH = 110  # characters of one value


def lines(record: CycleRecord, trade: Trade | None, network: Network) -> Iterator[str]:
    """`trade` is what came of it; None if it held."""
    head = record.head
    moment = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(head.timestamp))
    yield _line("block", f"{head.number}, {moment} UTC, base fee {head.base_fee / 1e9:.4g} gwei, {head.hash}")
    yield _line("decision", plain_words.told(record, network))
    if record.state is not None:
        yield from _market(record.state, network)
    if record.view is not None and record.view.target_weights:
        weights = ", ".join(f"{symbol} {share / 100:g} %" for symbol, share in record.view.target_weights.items())
        yield _line("target", f"{weights} (by {record.view.source})")
    if record.played is not None:
        yield from _played(record.played)
    if record.proposal is not None:
        yield from _proposal(record.proposal, record, network)
    if record.sized is not None:
        refusal = f", refused: {record.sized.refusal.rule}" if record.sized.refusal else ""
        yield _line("sized", f"{_effect(record.sized.simulation, network)}{refusal}")
    if record.exit_made:
        yield _line("exit", "the vote held, and the exit that the order wants was proposed alone")
    for verdict in record.verdicts:
        if not verdict.ok:
            yield _line("REFUSED", f"{verdict.rule}: {verdict.detail}")
    if passed := [verdict.rule for verdict in record.verdicts if verdict.ok]:  # their numbers are in --json
        first, *rest = textwrap.wrap(f"{len(passed)} rules: {', '.join(passed)}", WIDTH)
        yield _line("passed", first)
        yield from (_line("", text) for text in rest)
    if trade is not None:
        yield from _outcome(trade, network)
    yield _line("seconds", ", ".join(f"{stage} {seconds:.3f}" for stage, seconds in record.timings.items()))


def _line(name: str, text: str) -> str:
    text = " ".join(text.split())
    return f"{name:9} {text if len(text) <= WIDTH else text[: WIDTH - 1] + '…'}"


def _amounts(amounts: Mapping[Symbol, int], network: Network) -> str:
    return ", ".join(plain_words.amount(amount, symbol, network) for symbol, amount in amounts.items() if amount)


def _market(state: MarketState, network: Network) -> Iterator[str]:
    prices = ", ".join(f"{symbol} {price:,.6g}" for symbol, price in state.prices.items() if symbol != network.quote)
    yield _line("prices", f"{prices} {network.quote}; {len(state.pools)} pools, {len(state.reference)} feeds")
    yield _line("wallet", f"{_amounts(state.balances, network) or 'empty'}; nonce {state.nonce}")


def _played(played: PlayedOrder) -> Iterator[str]:
    if played.clause is None:
        yield _line("order", f"{played.order_hash[:12]}: holds, {played.why}")
    else:
        trade = f"{played.side} {played.amount} {played.sold} for {played.bought}, worth {played.worth}"
        yield _line("order", f"{played.order_hash[:12]}, clause {played.clause + 1}: {trade}; {played.why}")
    for other in played.possible:
        yield _line("", f"by another judgement: {other.side or 'hold'} {other.amount} {other.sold} {other.why}")


def _proposal(proposal: Proposal, record: CycleRecord, network: Network) -> Iterator[str]:
    drawn = f", drawn at block {proposal.sampled_at}" if proposal.sampled_at is not None else ""
    yield _line("proposer", f"{proposal.source}: {proposal.asked} asked, {proposal.steps} steps{drawn}")
    for phrase, given in proposal.judged.items():
        yield _line("judged", f'"{phrase}": {sum(given)} of {len(given)} yes')
    thoughts: dict[str, int] = {}
    for candidate in proposal.candidates:
        thoughts[candidate.text] = thoughts.get(candidate.text, 0) + 1
    for text, count in thoughts.items():
        yield _line(f"{count} wrote", text or "(nothing)")
    refused = {refusal.index: refusal for refusal in record.refusals}
    groups: dict[Action, list[Simulation]] = {}
    for simulation in record.simulations:
        groups.setdefault(simulation.candidate.action, []).append(simulation)
    for action, same in groups.items():
        first = same[0]
        yield _line(f"{len(same)} would", plain_words.action(action, network))
        if first.tx is not None:
            yield _line("", _effect(first, network))
        if (refusal := refused.get(first.candidate.index)) is not None:
            yield _line("", f"refused by {refusal.rule}: {refusal.detail}")
    for discard in proposal.discarded:
        yield _line("discarded", f"sample {discard.index} at {discard.stage}: {discard.reason} {discard.detail}")


def _effect(simulation: Simulation, network: Network) -> str:
    if simulation.revert is not None:
        return f"reverts: {simulation.revert}"
    changes = ", ".join(
        f"{'+' if amount > 0 else ''}{plain_words.amount(amount, symbol, network)}"
        for symbol, amount in simulation.deltas.items()
    )
    return f"{changes or 'changes nothing'}; {simulation.gas_used:,} gas, simulated on the {simulation.where}"


def _outcome(trade: Trade, network: Network) -> Iterator[str]:
    yield _line("intent", f"{trade.intent_id}: {trade.state}")
    if (settled := trade.settled) is not None:
        yield _line("mined", f"block {settled.block_number}, {settled.tx_hash}")
        yield _line("realised", _amounts(settled.realised, network) or "nothing")
        shortfall = "" if trade.shortfall_bps is None else f"; shortfall {trade.shortfall_bps:+.2f} bps"
        yield _line("gas", f"{plain_words.amount(settled.gas_cost, NATIVE, network)}{shortfall}")
