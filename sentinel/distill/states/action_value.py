"""What an action is worth for its playbook's goal, in quote tokens against holding, net of costs and gas. Pure.

    value = EDGE x strength x (|wanted| - |wanted - moved|) + change - gas

`wanted` is what the playbook's rule asks for in this state: quote tokens to move into the base token (above 0) or out
of it, 0 to hold. `moved` is what the action moves, by its input; what it trades outside the pair counts against it.
`strength` is the signal over its threshold (momentum, mean_reversion), else 1. `change` is what the balances gain by
the reference prices, so that fee, slippage and a bad venue cost; gas is priced as the tools price it.

EDGE is what a quote token moved as wanted is worth: more than the hard limits let a trade lose, so that no part of
what is wanted is worth leaving out and nothing beyond it is worth trading. So holding is best where the rule holds, the
whole of it where the rule acts, and a trade too small for its gas is worth less than holding.

For `arbitrage` and `triangle` the value is the profit: change - gas, where that is more than `least` and the input
stays within `size`. A gain that the operator does not want is worth nothing, a loss what it costs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sentinel.agent.tools import Toolbox
from sentinel.core import valuation
from sentinel.core.actions import Action, Swap
from sentinel.core.errors import ActionFault, CodeFault, QuoteError
from sentinel.core.mandate import Mandate
from sentinel.core.network import Symbol
from sentinel.core.simulation import Simulation
from sentinel.core.units import BPS
from sentinel.dex.quoting.costs import cost_in, expected_gas, expected_size
from sentinel.dex.quoting.quotes import quote_swap

EDGE = 0.02  # of what is moved
EPSILON = 0.1  # quote tokens; below this a value is as good as none
ENOUGH = 0.95  # of the oracle's value


@dataclass(frozen=True, slots=True)
class Goal:
    """What a rule asks for."""

    wanted: float  # quote tokens into the base token (above 0) or out of it; 0: hold
    strength: float = 1.0


HOLD = Goal(0.0)


def goal(mandate: Mandate, box: Toolbox) -> Goal:
    """Of a playbook that trades the pair. Reads what the code actions read, rounded as they see it."""
    return RULES[mandate.playbook](mandate, box)


def _towards_target(mandate: Mandate, box: Toolbox, gap: float, part: float = 1.0) -> Goal:
    """`gap`: the base token's weight above its target; `part` of it is wanted now."""
    return _trade(mandate, box, -gap * part * box.equity())


def _trade(mandate: Mandate, box: Toolbox, wanted: float, strength: float = 1.0) -> Goal:
    """Within size and purse; nothing where that is less than the least trade."""
    sold = box.network.quote if wanted > 0 else mandate.base
    size = min(abs(wanted), mandate.size, box.worth(sold))
    if size < mandate.least or size == 0:
        return HOLD
    return Goal(size if wanted > 0 else -size, strength)


def _gap(mandate: Mandate, box: Toolbox) -> float:
    return box.weight(mandate.base) - box.target(mandate.base)


def _rebalance(mandate: Mandate, box: Toolbox) -> Goal:
    gap = _gap(mandate, box)
    return HOLD if abs(gap) < mandate.band else _towards_target(mandate, box, gap)


def _reduce_risk(mandate: Mandate, box: Toolbox) -> Goal:
    gap, closes = _gap(mandate, box), box.prices(mandate.base, mandate.bars)
    fallen = 1 - closes[-1] / max(closes) >= mandate.threshold
    return _towards_target(mandate, box, gap) if gap > 0 and (gap >= mandate.band or fallen) else HOLD


def _slice(mandate: Mandate, box: Toolbox) -> Goal:
    left = mandate.until - box.block()
    if left < 0 or left % mandate.every:
        return HOLD
    return _towards_target(mandate, box, _gap(mandate, box), 1 / (left // mandate.every + 1))


def _momentum(mandate: Mandate, box: Toolbox) -> Goal:
    closes = box.prices(mandate.base, mandate.bars)
    return _signal(mandate, box, closes[-1] / closes[0] - 1)


def _mean_reversion(mandate: Mandate, box: Toolbox) -> Goal:
    closes = box.prices(mandate.base, mandate.bars)
    return _signal(mandate, box, 1 - closes[-1] / (sum(closes) / len(closes)))


def _signal(mandate: Mandate, box: Toolbox, signal: float) -> Goal:
    """A signal as large as its threshold is expected to bring EDGE, a larger one in proportion."""
    strength = abs(signal) / mandate.threshold
    return _trade(mandate, box, mandate.size if signal > 0 else -mandate.size, strength) if strength >= 1 else HOLD


RULES: dict[str, Callable[[Mandate, Toolbox], Goal]] = {
    "rebalance": _rebalance,
    "reduce_risk": _reduce_risk,
    "slice": _slice,
    "momentum": _momentum,
    "mean_reversion": _mean_reversion,
}


def value(mandate: Mandate, box: Toolbox, simulation: Simulation) -> float:
    """Of a simulated action in quote tokens; 0 for a hold. A revert or an approval is worth its gas, lost."""
    if simulation.tx is None:
        return 0.0
    swap = simulation.candidate.action
    if not isinstance(swap, Swap) or simulation.revert is not None:
        return -_cost(box, simulation.gas_used, expected_size(()))
    return _value(mandate, box, swap, simulation.deltas, simulation.gas_used)


def best(mandate: Mandate, box: Toolbox) -> float:
    """The value of what the rule asks for, from exact quotes; never below that of holding, 0."""
    try:
        swap = _asked_for(mandate, box)
        out = quote_swap(box.network, box.state.pools, swap) if swap is not None else 0
    except (ActionFault, CodeFault, QuoteError):  # cannot be built or filled: nothing but holding is left
        return 0.0
    if swap is None:
        return 0.0
    gained = {swap.token_in: -swap.amount_in}
    gained[swap.token_out] = gained.get(swap.token_out, 0) + out
    return max(0.0, _value(mandate, box, swap, gained, 0))


def _asked_for(mandate: Mandate, box: Toolbox) -> Swap | None:
    base, quote = mandate.base, box.network.quote
    most = min(mandate.size, box.worth(quote))
    action: Action | None = None
    if mandate.playbook == "arbitrage":
        if (pair := box.quoter.best_cycle(box.state, quote, base, most)) is not None:
            action = box.cycle(quote, base, pair.amount, pair.buy, pair.sell)
    elif mandate.playbook == "triangle":
        if (loop := box.quoter.best_loop(box.state, quote, most)) is not None:
            action = box.route([*loop.tokens], loop.amount, [*loop.venues])
    elif wanted := goal(mandate, box).wanted:
        way = (quote, base) if wanted > 0 else (base, quote)
        amount = wanted if wanted > 0 else -wanted / box.prices(base)[-1]
        action = box.swap(*way, amount, box.best_venue(*way, amount))
    return action if isinstance(action, Swap) else None


def _value(mandate: Mandate, box: Toolbox, swap: Swap, gained: Mapping[Symbol, int], gas_used: int) -> float:
    """Gas is what the tools expect, so that a profit is the tools' own, or what was used where that is more."""
    network, quote = box.network, box.network.quote
    legs = [leg for route in swap.routes for leg in route.legs]
    cost = _cost(box, max(gas_used, expected_gas(legs)), expected_size(legs))
    net = valuation.whole_quote(valuation.value(gained, valuation.reference_prices(box.state), network), network) - cost
    put_in = valuation.whole(swap.amount_in, swap.token_in, network) * box.state.prices[swap.token_in]
    if mandate.playbook not in RULES:
        wanted = swap.is_cycle and swap.token_in == quote and put_in <= mandate.size and net > mandate.least
        return net if wanted else min(0.0, net)
    aim = goal(mandate, box)
    moved = {(quote, mandate.base): put_in, (mandate.base, quote): -put_in}.get((swap.token_in, swap.token_out))
    nearer = -put_in if moved is None else abs(aim.wanted) - abs(aim.wanted - moved)
    return EDGE * aim.strength * nearer + net


def captured(ours: float, oracle: float) -> float:
    """The share of the oracle's value that ours is, 0 to 1. Where the oracle's is within EPSILON of 0 (it holds, or
    might as well) there is no share: 1 where no more than EPSILON is lost against it, else 0."""
    if oracle <= EPSILON:
        return 1.0 if oracle - ours <= EPSILON else 0.0
    return min(1.0, max(0.0, ours / oracle))


def regret_bps(ours: float, oracle: float, equity: float) -> float:
    """What is lost against the oracle, in bps of equity (quote tokens, as the values); never below 0."""
    return max(0.0, oracle - ours) / equity * BPS


def succeeds(ours: float, oracle: float) -> bool:
    """Of an action that passed every hard limit."""
    return captured(ours, oracle) >= ENOUGH


def _cost(box: Toolbox, gas: int, size: int) -> float:
    network = box.network
    return valuation.whole_quote(cost_in(network, box.state, gas, size, network.quote) or 0, network)
