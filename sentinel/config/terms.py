"""The operator's terms, from settings as people write them to the base units that the stages decide on. Pure.

Decimal arithmetic, rounded down where the number permits something and never through a float.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import ROUND_DOWN, Decimal

from sentinel.config.contradictions import contradictions
from sentinel.config.limits import Limits
from sentinel.config.settings import Settings
from sentinel.config.units import base_units
from sentinel.core.errors import SettingsError
from sentinel.core.mandate import Brief, Mandate
from sentinel.core.network import NATIVE, Address, Network, Symbol
from sentinel.core.units import BPS, GWEI_DECIMALS


@dataclass(frozen=True, slots=True)
class Terms:
    """One set of settings on one network, derived once: at the start, and at each reload. Each part is handed its own
    of them. Amounts are in base units; `prices` are quote tokens per whole token."""

    settings: Settings
    network: Network
    limits: Limits  # policy's; builder, executor and approvals keep to the same
    mandate: Mandate  # the trader's
    desk: Network  # as the trader may see and use it
    fee_floor: int  # wei per gas: of the tip, or of a legacy gas price

    @classmethod
    def of(cls, settings: Settings, network: Network) -> Terms:
        """Raises SettingsError where settings and network do not fit, or contradict each other."""
        if found := contradictions(settings, network):
            raise SettingsError("\n".join(found))
        return cls(
            settings=settings,
            network=network,
            limits=Limits.of(settings.limits, network),
            mandate=mandate(settings, network),
            desk=action_builder_terms(settings, network),
            fee_floor=base_units(settings.execution.min_priority_fee_gwei, GWEI_DECIMALS),
        )

    def dust(self, prices: Mapping[Symbol, float]) -> dict[Symbol, int]:
        """The least net change that the vote compares."""
        return dust(self.settings, self.network, prices)

    def allowances(self, prices: Mapping[Symbol, float]) -> dict[Symbol, int]:
        """What Permit2 may be allowed."""
        return allowances(self.settings, self.network, prices)

    def least_allowances(self, prices: Mapping[Symbol, float]) -> dict[Symbol, int]:
        """Below these an allowance is made anew: what a few of the largest trades need."""
        worth = min(4 * self.settings.limits.max_trade, self.settings.limits.max_approval / 2)
        caps = self.allowances(prices)
        return {
            symbol: min(amount, caps[symbol])
            for symbol, amount in _in_tokens(worth, self.network, prices).items()
            if symbol in caps
        }

    def token_caps(self, prices: Mapping[Symbol, float]) -> TokenCaps:
        """What the signer signs for at most: twice ours, since prices move while its caps stand, and an allowance's
        first digit may go from 1 to 2. One trade never takes more than the approval."""
        given, network = self.settings.limits, self.network
        approvals = {symbol: 2 * amount for symbol, amount in self.allowances(prices).items()}
        trades = _in_tokens(min(2 * given.max_trade, given.max_approval), network, prices)
        return TokenCaps(
            *(
                {network.tokens[symbol].address: amount for symbol, amount in caps.items() if symbol != NATIVE}
                for caps in (approvals, trades, _in_tokens(2 * given.max_daily_volume, network, prices))
            )
        )


@dataclass(frozen=True, slots=True)
class TokenCaps:
    """Base units by token."""

    approvals: Mapping[Address, int]  # what Permit2 may be allowed
    trades: Mapping[Address, int]  # what one trade may take
    daily: Mapping[Address, int]  # what a UTC day's trades may take


def mandate(settings: Settings, network: Network) -> Mandate:
    """Raises SettingsError where strategy and network do not fit."""
    given = settings.strategy
    known = set(network.tokens)
    if given.base not in known or given.base == network.quote:
        choices = ", ".join(sorted(known - {network.quote}))
        raise SettingsError(
            f"SENTINEL_STRATEGY__BASE: {given.base} cannot be traded; network {network.name} has {choices}"
        )
    if unknown := sorted(set(given.target_weights) - known):
        raise SettingsError(f"SENTINEL_STRATEGY__TARGET_WEIGHTS: {', '.join(unknown)} not in network {network.name}")
    return Mandate(
        playbook=given.playbook,
        base=given.base,
        band=given.band,
        bars=given.lookback_blocks,
        threshold=given.threshold,
        size=given.max_size,
        least=given.min_size,
        until=given.last_slice_block,
        every=given.slice_interval_blocks,
    )


def brief(settings: Settings) -> Brief:
    """What the analyst is asked for."""
    given = settings.analyst
    return Brief(
        settings.strategy.base,
        given.trend_threshold,
        given.stress_volatility,
        given.stress_drawdown,
        settings.strategy.max_size,
    )


def weight_bounds(settings: Settings, network: Network) -> tuple[dict[Symbol, int], dict[Symbol, int]]:
    """The least and the most of a view's weights, bps. Raises SettingsError where they leave the standing weights no
    place, or name a token that the network does not have."""
    given, standing = settings.analyst, settings.strategy.target_weights
    least, most = dict(given.min_weight_bps), {**settings.limits.max_inventory_bps, **given.max_weight_bps}
    if unknown := sorted({*least, *most} - set(network.tokens)):
        raise SettingsError(
            f"SENTINEL_ANALYST__MIN_WEIGHT_BPS, __MAX_WEIGHT_BPS: {', '.join(unknown)} not in {network.name}"
        )
    for symbol in sorted({*least, *most, *standing}):
        low, high = least.get(symbol, 0), most.get(symbol, BPS)
        if not low <= standing.get(symbol, 0) <= high:
            raise SettingsError(
                f"SENTINEL_STRATEGY__TARGET_WEIGHTS: {symbol} at {standing.get(symbol, 0)} bps is outside the "
                f"{low} to {high} that SENTINEL_ANALYST__MIN_WEIGHT_BPS, __MAX_WEIGHT_BPS and "
                "the inventory limit leave a view"
            )
    return least, most


def action_builder_terms(settings: Settings, network: Network) -> Network:
    """The network as the trader may see and use it. Raises SettingsError where its one venue does not trade the base
    token against the quote."""
    venue = settings.strategy.venue
    if not venue:
        return network
    pools = {name: pool for name, pool in network.pools.items() if pool.venue == venue}
    if not any({pool.token0, pool.token1} == {settings.strategy.base, network.quote} for pool in pools.values()):
        raise SettingsError(
            f"SENTINEL_STRATEGY__VENUE: no pool of {venue} trades {settings.strategy.base} against {network.quote}"
        )
    return replace(network, pools=pools)


def dust(settings: Settings, network: Network, prices: Mapping[Symbol, float]) -> dict[Symbol, int]:
    """The least net change that the vote compares, by token in base units at these prices."""
    return {symbol: amount for symbol, amount in _in_tokens(settings.vote.dust, network, prices).items() if amount > 0}


def allowances(settings: Settings, network: Network, prices: Mapping[Symbol, float]) -> dict[Symbol, int]:
    """What Permit2 may be allowed, by token in base units.

    One significant digit, so that a restart at another price does not approve everything anew.
    """
    caps = _in_tokens(settings.limits.max_approval, network, prices)
    caps.pop(NATIVE, None)
    return {symbol: _leading_digit(amount) for symbol, amount in caps.items()}


def amounts(given: Mapping[Symbol, float], network: Network) -> dict[Symbol, int]:
    """Whole tokens in base units. Raises SettingsError for a token that the network does not have."""
    if unknown := sorted(set(given) - set(network.tokens)):
        raise SettingsError(f"SENTINEL_SIGNER: {', '.join(unknown)} not in network {network.name}")
    return {symbol: base_units(amount, network.tokens[symbol].decimals) for symbol, amount in given.items()}


def _in_tokens(worth: float, network: Network, prices: Mapping[Symbol, float]) -> dict[Symbol, int]:
    """`worth` quote tokens in base units of each token that has a price, the native coin included."""
    found: dict[Symbol, int] = {}
    for symbol, token in network.tokens.items():
        price = 1.0 if symbol == network.quote else prices.get(symbol, 0.0)
        if price > 0:
            amount = Decimal(repr(worth)) / Decimal(repr(price))
            found[symbol] = int(amount.scaleb(token.decimals).to_integral_value(ROUND_DOWN))
    if network.wrapped in found:
        found[NATIVE] = found[network.wrapped]
    return found


def _leading_digit(amount: int) -> int:
    scale: int = 10 ** (len(str(amount)) - 1)
    return amount // scale * scale
