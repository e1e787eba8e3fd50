"""The market state of a block as an order's situation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from sentinel.core.market_state import MarketState
from sentinel.core.network import FeeMarket, Network, Symbol
from sentinel.core.units import GWEI
from sentinel.orders.playing.situation import Fill, Gap, Position, Situation

NEGLIGIBLE = Decimal("1e-9")  # whole coins


@dataclass(frozen=True, slots=True)
class OrderFacts:
    """What the journal knows of an approved order."""

    set_at: int  # chain time of its approval in seconds
    set_prices: Mapping[Symbol, Decimal]
    fills: tuple[Fill, ...] = ()
    rearmed: frozenset[int] = frozenset()
    bought_today: Decimal = Decimal(0)
    positions: Mapping[Symbol, Position] = field(default_factory=dict)


def observed(
    state: MarketState,
    network: Network,
    facts: OrderFacts,
    gap: Callable[[Symbol, Decimal], Gap | None] = lambda coin, amount: None,
) -> Situation:
    """Tokens of the network file count as held; the native coin does not, because it pays for gas."""
    return Situation(
        time=state.head.timestamp,
        prices=known_prices(state),
        holdings=held(state, network),
        gas_price=Decimal(gas_price(state, network)) / GWEI,
        closes=state.closes,
        positions=facts.positions,
        set_at=facts.set_at,
        set_prices=facts.set_prices,
        fills=facts.fills,
        rearmed=facts.rearmed,
        bought_today=facts.bought_today,
        gap=gap,
    )


def known_prices(state: MarketState) -> dict[Symbol, Decimal]:
    return {coin: Decimal(repr(price)) for coin, price in state.prices.items() if price > 0}


def held(state: MarketState, network: Network) -> dict[Symbol, Decimal]:
    """Whole tokens in the wallet. A billionth of a coin or less counts as not held, whatever its price.

    A sale of everything leaves a few wei, because amounts pass through floats. Their cost is known to nobody, so a
    clause that looks at it could not be judged, and no clause after it would ever buy again. No price has a say in it:
    one that lies could switch a stop off.
    """
    found = {
        coin: Decimal(state.balances.get(coin, 0)).scaleb(-token.decimals) for coin, token in network.tokens.items()
    }
    return {
        coin: amount if coin == network.quote or amount > NEGLIGIBLE else Decimal(0) for coin, amount in found.items()
    }


def gas_price(state: MarketState, network: Network) -> int:
    """Wei per gas that a transaction pays for inclusion now."""
    if network.fees is FeeMarket.LEGACY:
        return state.priority_fee
    return state.head.base_fee + state.priority_fee
