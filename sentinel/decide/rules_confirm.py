"""Rules on the final bytes as a whole: simulated upon the newest head, in differing environments, to one effect."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from math import floor

from sentinel.config.limits import Limits
from sentinel.core.actions import Swap
from sentinel.core.age import Age
from sentinel.core.decision import Act
from sentinel.core.market_state import Head, MarketState
from sentinel.core.network import NATIVE, Network
from sentinel.core.simulation import Simulation
from sentinel.core.units import BPS, PIPS
from sentinel.decide.calldata import Call, RouterCall, decode_call
from sentinel.decide.case import Finding, fee_pips

GAS_TOLERANCE = (11, 10)  # gas may differ by a tenth between environments, by cold and warm slots


@dataclass(frozen=True, slots=True)
class FinalCheck:
    """`head` is the newest that the node told of, `now` is Unix seconds."""

    network: Network
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
    envs = [simulation.env for simulation in final.confirmed]
    stale = [env.number for env in envs if env.parent_hash != head.hash or env.number <= head.number]
    if stale:
        return False, f"simulated for block {stale[0]}, head {head.number}"
    nearest = min((env.number for env in envs), default=0)
    return nearest == head.number + 1, f"simulated from block {nearest} on, upon head {head.number}"


def environments(final: FinalCheck) -> Finding:
    """They differ in number, time, coinbase, base fee and prevrandao: code that branches on them shows (I16)."""
    envs = [simulation.env for simulation in final.confirmed]
    kinds: dict[str, set[object]] = {
        "number": {env.number for env in envs},
        "time": {env.timestamp for env in envs},
        "coinbase": {env.coinbase.lower() for env in envs},
        "base fee": {env.base_fee for env in envs},
        "prevrandao": {env.prev_randao.lower() for env in envs},
    }
    same = [name for name, values in kinds.items() if len(values) < 2]
    told = f"simulated in {len(envs)} block environments"
    return not same, f"{told} of one {', '.join(same)}" if same else told


def same_effect(final: FinalCheck) -> Finding:
    """Equal to the unit in every environment, but for a little gas."""
    first, *others = final.confirmed
    for other in others:
        if _effect(other) != _effect(first):
            return False, "the effect depends on the block environment"
    gas = [simulation.gas_used for simulation in final.confirmed]
    more, fewer = GAS_TOLERANCE
    return max(gas) * fewer <= min(gas) * more, f"gas from {min(gas)} to {max(gas)}"


def round_trip(final: FinalCheck) -> Finding:
    """A token that the operator does not trust can be sold again, for the input less fees and slippage of both ways."""
    swap = final.decision.simulation.candidate.action
    if not isinstance(swap, Swap) or swap.is_cycle or swap.token_out in final.limits.trusted | {NATIVE}:
        return True, "nothing is bought but trusted tokens"
    returned = [one.sold_back for one in final.confirmed if one.sold_back is not None]
    if not returned:
        return False, f"no sale of {swap.token_out} was simulated, and it is not trusted"
    slippage = final.limits.max_slippage_bps * (PIPS // BPS)
    kept = [(route.amount_in, max(0, PIPS - slippage - fee_pips(final.network, route))) for route in swap.routes]
    required = floor(sum(Fraction(amount * share * share, PIPS * PIPS) for amount, share in kept))
    least = min(returned)
    return least >= required, f"a sale of {swap.token_out} returns {least} of {swap.amount_in}, at least {required}"


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


def receipt_now(final: FinalCheck) -> Finding:
    """Nothing of the bought token came in since the state was read: the receipt check starts from the state's balance,
    and would count it as the trade's output. A balance that fell only makes the check stricter."""
    action = final.decision.simulation.candidate.action
    if not isinstance(action, Swap) or action.token_out == NATIVE:
        return True, "nothing is received that a receipt check would bind"
    now = [simulation.held for simulation in final.confirmed]
    before = final.state.balances[action.token_out]
    if not now or any(held is None or held > before for held in now):
        return False, f"{before} base units of {action.token_out} when it was decided, now {now}"
    return True, f"no more {action.token_out} than when it was decided"


def _effect(simulation: Simulation) -> tuple[object, ...]:
    deltas = {token: delta for token, delta in simulation.deltas.items() if delta}
    return simulation.revert is None, deltas, simulation.gross, simulation.router_allowance


def _trade(data: bytes) -> Call:
    call = decode_call(data)
    return replace(call, permit=None) if isinstance(call, RouterCall) else call


FINAL_RULES: tuple[FinalRule, ...] = (
    head_age,
    newest_head,
    environments,
    same_effect,
    round_trip,
    same_trade,
    receipt_now,
)
