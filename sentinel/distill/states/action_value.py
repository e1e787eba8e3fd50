"""Value of an action for its playbook's goal, in quote tokens against holding, net of costs and gas. Pure.

    value = EDGE x strength x (|wanted| - |wanted - moved|) + change - gas

- `wanted` is what the playbook's rule asks for in this state: quote tokens to move into the base token (above 0) or out
  of it (below 0); 0 means hold.
- `moved` is what the action moves, measured by its input. A trade outside the pair counts against the action.
- `strength` is the signal divided by its threshold for momentum and mean_reversion, else 1.
- `change` is the gain of the balances at the reference prices, so fee, slippage and a bad venue cost value.
- `gas` is priced as the tools price it.

EDGE is the value of one quote token moved as wanted. It exceeds what the hard limits let a trade lose, so the full
`wanted` is the best trade and nothing beyond it pays. So holding is best if the rule holds, the full amount is best if
the rule acts, and a trade too small for its gas has less value than holding.

For `arbitrage` and `triangle` the value is the profit, change - gas, if it exceeds `least` and the input is within
`size`. Another gain has value 0, and a loss has its cost as negative value.
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

EDGE = 0.02  # value per quote token moved as wanted
EPSILON = 0.1  # quote tokens; a smaller value counts as 0
ENOUGH = 0.95  # of the oracle's value


@dataclass(frozen=True, slots=True)
class Goal:
    """What a playbook's rule asks for."""

    wanted: float  # quote tokens into the base token (above 0) or out of it; 0: hold
    strength: float = 1.0


HOLD = Goal(0.0)


def goal(mandate: Mandate, box: Toolbox) -> Goal:
    """The goal of a playbook that trades the pair. It reads the values that code actions read, rounded alike."""
    return RULES[mandate.playbook](mandate, box)


def _towards_target(mandate: Mandate, box: Toolbox, gap: float, part: float = 1.0) -> Goal:
    """The goal to close `part` of `gap`, the base token's weight minus its target."""
    return _trade(mandate, box, -gap * part * box.equity())


def _trade(mandate: Mandate, box: Toolbox, wanted: float, strength: float = 1.0) -> Goal:
    """The goal to move `wanted`, limited by the mandate's size and the balance; HOLD if that is below the min trade."""
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
    remaining_blocks = mandate.until - box.block()
    if remaining_blocks < 0 or remaining_blocks % mandate.every:
        return HOLD
    return _towards_target(mandate, box, _gap(mandate, box), 1 / (remaining_blocks // mandate.every + 1))


def _momentum(mandate: Mandate, box: Toolbox) -> Goal:
    closes = box.prices(mandate.base, mandate.bars)
    return _signal(mandate, box, closes[-1] / closes[0] - 1)


def _mean_reversion(mandate: Mandate, box: Toolbox) -> Goal:
    closes = box.prices(mandate.base, mandate.bars)
    return _signal(mandate, box, 1 - closes[-1] / (sum(closes) / len(closes)))


def _signal(mandate: Mandate, box: Toolbox, signal: float) -> Goal:
    """The goal of a signal: at its threshold it is worth EDGE, above it in proportion, below it HOLD."""
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
    """Value of a simulated action in quote tokens: 0 for a hold, minus the gas for a revert or an approval."""
    if simulation.tx is None:
        return 0.0
    swap = simulation.candidate.action
    if not isinstance(swap, Swap) or simulation.revert is not None:
        return -_cost(box, simulation.gas_used, expected_size(()))
    return _value(mandate, box, swap, simulation.deltas, simulation.gas_used)


def best(mandate: Mandate, box: Toolbox) -> float:
    """Value of what the rule asks for, in quote tokens by exact quotes; at least 0, the value of holding."""
    try:
        swap = _asked_for(mandate, box)
        out = quote_swap(box.network, box.state.pools, swap) if swap is not None else 0
    except (ActionFault, CodeFault, QuoteError):  # cannot be built or filled: only holding remains
        return 0.0
    if swap is None:
        return 0.0
    gained = {swap.token_in: -swap.amount_in}
    gained[swap.token_out] = gained.get(swap.token_out, 0) + out
    return max(0.0, _value(mandate, box, swap, gained, 0))


def _asked_for(mandate: Mandate, box: Toolbox) -> Swap | None:
    base, quote = mandate.base, box.network.quote
    max_amount = min(mandate.size, box.worth(quote))
    action: Action | None = None
    if mandate.playbook == "arbitrage":
        if (pair := box.quoter.best_cycle(box.state, quote, base, max_amount)) is not None:
            action = box.cycle(quote, base, pair.amount, pair.buy, pair.sell)
    elif mandate.playbook == "triangle":
        if (loop := box.quoter.best_loop(box.state, quote, max_amount)) is not None:
            action = box.route([*loop.tokens], loop.amount, [*loop.venues])
    elif amount_wanted := goal(mandate, box).wanted:
        pair_of_tokens = (quote, base) if amount_wanted > 0 else (base, quote)
        amount = amount_wanted if amount_wanted > 0 else -amount_wanted / box.prices(base)[-1]
        action = box.swap(*pair_of_tokens, amount, box.best_venue(*pair_of_tokens, amount))
    return action if isinstance(action, Swap) else None


def _value(mandate: Mandate, box: Toolbox, swap: Swap, gained: Mapping[Symbol, int], gas_used: int) -> float:
    """Value of a swap. Gas is what the tools expect, so a profit is the one they report, or the used gas if higher."""
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
    """Our value as a share of the oracle's, 0 to 1.

    If the oracle's value is at most EPSILON, no share is defined: 1 if we lose at most EPSILON against it, else 0.
    """
    if oracle <= EPSILON:
        return 1.0 if oracle - ours <= EPSILON else 0.0
    return min(1.0, max(0.0, ours / oracle))


def regret_bps(ours: float, oracle: float, equity: float) -> float:
    """Regret against the oracle in bps of `equity` (quote tokens, like the values); at least 0."""
    return max(0.0, oracle - ours) / equity * BPS


def succeeds(ours: float, oracle: float) -> bool:
    """True if an action that passed every hard limit captured enough of the oracle's value."""
    return captured(ours, oracle) >= ENOUGH


def _cost(box: Toolbox, gas: int, size: int) -> float:
    network = box.network
    return valuation.whole_quote(cost_in(network, box.state, gas, size, network.quote) or 0, network)
