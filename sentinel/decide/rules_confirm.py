"""Rules on the final bytes as a whole: simulated upon the newest head, in differing environments, to one effect."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from sentinel.config.limits import Limits
from sentinel.core.age import Age
from sentinel.core.decision import Act
from sentinel.core.market_state import Head, MarketState
from sentinel.core.simulation import Simulation
from sentinel.decide.calldata import Call, RouterCall, decode_call
from sentinel.decide.case import Finding

GAS_TOLERANCE = (11, 10)  # gas may differ by a tenth between environments, by cold and warm slots


@dataclass(frozen=True, slots=True)
class FinalCheck:
    """`head` is the newest that the node told of, `now` is Unix seconds."""

    limits: Limits
    state: MarketState
    head: Head
    decision: Act
    confirmed: tuple[Simulation, ...]
    now: float


FinalRule = Callable[[FinalCheck], Finding]


def head_age(final: FinalCheck) -> Finding:
    age, most = Age.at(final.now, final.head.timestamp), final.limits.max_head_age
    return age.within(most), f"the head is {age}, at most {most} s"


def newest_head(final: FinalCheck) -> Finding:
    """The bytes were simulated upon this very head (I15), which is no older than the state that was decided on."""
    head, read = final.head, final.state.head
    if head.number < read.number or (head.number == read.number and head.hash != read.hash):
        return False, f"head {head.number} is not after the state's {read.number}"
    stale = [
        simulation.env.number
        for simulation in final.confirmed
        if simulation.env.parent_hash != head.hash or simulation.env.number != head.number + 1
    ]
    return not stale, f"simulated for block {stale[0]}, head {head.number}" if stale else f"upon head {head.number}"


def environments(final: FinalCheck) -> Finding:
    """At least two, with other coinbase, time and base fee, so that code which branches on them shows (I16)."""
    envs = [simulation.env for simulation in final.confirmed]
    kinds = ({env.coinbase.lower() for env in envs}, {env.timestamp for env in envs}, {env.base_fee for env in envs})
    return all(len(kind) >= 2 for kind in kinds), f"simulated in {len(envs)} block environments"


def same_effect(final: FinalCheck) -> Finding:
    """Equal to the unit in every environment, but for a little gas."""
    first, *others = final.confirmed
    for other in others:
        if _effect(other) != _effect(first):
            return False, "the effect depends on the block environment"
    gas = [simulation.gas_used for simulation in final.confirmed]
    more, fewer = GAS_TOLERANCE
    return max(gas) * fewer <= min(gas) * more, f"gas from {min(gas)} to {max(gas)}"


def same_trade(final: FinalCheck) -> Finding:
    """The final bytes are the trade that was voted for, apart from the permit and the gas limit."""
    voted = final.decision.simulation
    wanted = voted.tx
    if wanted is None or not final.confirmed:
        return False, "there is no transaction"
    for simulation in final.confirmed:
        tx = simulation.tx
        if tx is None or tx != final.confirmed[0].tx:
            return False, "the environments saw different bytes"
        if simulation.candidate.action != voted.candidate.action:
            return False, "the action is not the one voted for"
        if (tx.to, tx.value, _trade(tx.data)) != (wanted.to, wanted.value, _trade(wanted.data)):
            return False, "the bytes are not the trade voted for"
    return True, "the bytes are the trade voted for"


def _effect(simulation: Simulation) -> tuple[object, ...]:
    deltas = {token: delta for token, delta in simulation.deltas.items() if delta}
    return simulation.revert is None, deltas, simulation.gross, simulation.router_allowance


def _trade(data: bytes) -> Call:
    call = decode_call(data)
    return replace(call, permit=None) if isinstance(call, RouterCall) else call


FINAL_RULES: tuple[FinalRule, ...] = (head_age, newest_head, environments, same_effect, same_trade)
