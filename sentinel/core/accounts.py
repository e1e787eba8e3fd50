"""What a wallet is worth and how far a trade fell from its simulation. Pure; values in whole quote tokens (floats).

These numbers are for people and metrics. Limits are decided on base units elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping

from sentinel.core.actions import Swap
from sentinel.core.market_state import MarketState
from sentinel.core.network import NATIVE, Network, Symbol
from sentinel.core.simulation import Simulation
from sentinel.core.transaction import Settled
from sentinel.core.units import BPS


def whole(amount: int, symbol: Symbol, network: Network) -> float:
    """Base units -> whole tokens; the native coin has 18 decimals."""
    return amount / 10.0 ** decimals(symbol, network)


def decimals(symbol: Symbol, network: Network) -> int:
    return 18 if symbol == NATIVE else network.tokens[symbol].decimals


def price(symbol: Symbol, prices: Mapping[Symbol, float], network: Network) -> float:
    """Quote tokens per whole token; the native coin counts as its wrapped token. 0.0 where there is no price."""
    if symbol == network.quote:
        return 1.0
    return prices.get(network.wrapped if symbol == NATIVE else symbol, 0.0)


def positions(balances: Mapping[Symbol, int], prices: Mapping[Symbol, float], network: Network) -> dict[Symbol, float]:
    """Each balance's worth."""
    return {
        symbol: whole(amount, symbol, network) * price(symbol, prices, network) for symbol, amount in balances.items()
    }


def equity(balances: Mapping[Symbol, int], prices: Mapping[Symbol, float], network: Network) -> float:
    return sum(positions(balances, prices, network).values())


def state_equity(state: MarketState, network: Network) -> float:
    return equity(state.balances, state.prices, network)


def drift_bps(simulation: Simulation, settled: Settled) -> float | None:
    """Realised against simulated, in bps: positive where the trade gave more than promised. None for what is no swap.

    Compared is the net change of the last token_out: over the promised change, for a closed cycle over what was put in
    (its net change is a small difference).
    """
    action = simulation.candidate.action
    if not isinstance(action, Swap):
        return None
    promised = simulation.deltas.get(action.token_out, 0)
    base = simulation.gross if action.is_cycle else promised
    return (settled.realised.get(action.token_out, 0) - promised) * BPS / abs(base) if base else None
