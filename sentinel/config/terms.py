"""Turns settings into terms: typed values in the base units that the stages decide with. Pure.

The arithmetic is decimal and never goes through a float. A number that permits something is rounded down.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import ROUND_DOWN, Decimal

from sentinel.config.limits import Limits
from sentinel.config.settings import PREFIX, Settings, fields
from sentinel.config.units import base_units
from sentinel.core.edges import settings_edge
from sentinel.core.errors import SettingsError
from sentinel.core.network import NATIVE, Address, Network, Symbol
from sentinel.core.units import GWEI_DECIMALS


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms of one set of settings on one network, derived at the start and at each reload. Amounts are in base
    units; `prices` are quote tokens per whole token."""

    settings: Settings
    network: Network
    limits: Limits  # of policy, builder, executor and approvals
    desk: Network  # the part of the network that the trader may see and use
    fee_floor: int  # wei per gas: minimum priority fee, or minimum legacy gas price

    @classmethod
    def of(cls, settings: Settings, network: Network) -> Terms:
        """Raises SettingsError, with the places of the settings that it names, if settings and network do not fit."""
        try:
            return cls._of(settings, network)
        except SettingsError as error:
            raise SettingsError(settings.with_lines(str(error))) from error

    @classmethod
    def _of(cls, settings: Settings, network: Network) -> Terms:
        with settings_edge(f"the settings do not fit network {network.name}"):
            terms = cls(
                settings=settings,
                network=network,
                limits=Limits.of(settings.limits, network),
                desk=action_builder_terms(settings, network),
                fee_floor=base_units(settings.execution.min_priority_fee_gwei, GWEI_DECIMALS),
            )
            _require_tokens(settings, network)
            _require_base(settings, network)
            return terms

    @property
    def order_tolerance_bps(self) -> int:
        """How far the input of a trade may be off the player's: the narrower of what the vote takes for the same
        amount and what the signer lets pass."""
        return min(self.settings.vote.agreement_bps, self.limits.price_tolerance_bps)

    def dust(self, prices: Mapping[Symbol, float]) -> dict[Symbol, int]:
        """The smallest net change that the vote compares, by token."""
        return dust(self.settings, self.network, prices)

    def allowances(self, prices: Mapping[Symbol, float]) -> dict[Symbol, int]:
        """The allowance to Permit2 that is set, by token."""
        return allowances(self.settings, self.network, prices)

    def least_allowances(self, prices: Mapping[Symbol, float]) -> dict[Symbol, int]:
        """An allowance below this is set again, by token. It is enough for a few of the largest trades."""
        value = min(4 * self.settings.limits.max_trade, self.settings.limits.max_approval / 2)
        caps = self.allowances(prices)
        return {
            symbol: min(amount, caps[symbol])
            for symbol, amount in _in_tokens(value, self.network, prices).items()
            if symbol in caps
        }

    def token_caps(self, prices: Mapping[Symbol, float]) -> TokenCaps:
        """The signer's caps: twice the daemon's limits, because prices move while the caps stay, and because the first
        digit of an allowance may change from 1 to 2. A trade never takes more than the approval."""
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

    approvals: Mapping[Address, int]  # largest allowance to Permit2
    trades: Mapping[Address, int]  # largest input of one trade
    daily: Mapping[Address, int]  # largest input of all trades of a UTC day
    prices: Mapping[Address, int] = field(default_factory=dict)  # answers of the feeds in the quote token, at the start


PAPER = "SENTINEL_PAPER__BALANCES"  # the only setting by token in which the native coin has a meaning of its own


def _require_tokens(settings: Settings, network: Network) -> None:
    """Raises SettingsError if any setting by token names a token that the network does not have."""
    for name in fields():
        group, _, inner = name.removeprefix(PREFIX).lower().partition("__")
        value = getattr(getattr(settings, group), inner, None) if inner else None
        known = {*network.tokens, *((NATIVE,) if name == PAPER else ())}
        if isinstance(value, dict) and (unknown := sorted(set(value) - known)):
            raise SettingsError(f"{name}: {', '.join(unknown)} not in network {network.name}")


def _require_base(settings: Settings, network: Network) -> None:
    base, known = settings.strategy.base, set(network.tokens)
    if base not in known or base == network.quote:
        choices = ", ".join(sorted(known - {network.quote}))
        raise SettingsError(f"SENTINEL_STRATEGY__BASE: {base} cannot be traded; network {network.name} has {choices}")


def action_builder_terms(settings: Settings, network: Network) -> Network:
    """The part of the network that the trader may see and use. Raises SettingsError if the one venue of the settings
    does not trade the base token against the quote token."""
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
    """The smallest net change that the vote compares, by token in base units at these prices."""
    return {symbol: amount for symbol, amount in _in_tokens(settings.vote.dust, network, prices).items() if amount > 0}


def allowances(settings: Settings, network: Network, prices: Mapping[Symbol, float]) -> dict[Symbol, int]:
    """The allowance to Permit2 that is set, by token in base units.

    It has one significant digit, so that a restart at another price does not approve every token again.
    """
    caps = _in_tokens(settings.limits.max_approval, network, prices)
    caps.pop(NATIVE, None)
    return {symbol: _leading_digit(amount) for symbol, amount in caps.items()}


def amounts(given: Mapping[Symbol, float], network: Network) -> dict[Symbol, int]:
    """Amounts of whole tokens in base units. Raises SettingsError for a token that the network does not have."""
    if unknown := sorted(set(given) - set(network.tokens)):
        raise SettingsError(f"SENTINEL_SIGNER: {', '.join(unknown)} not in network {network.name}")
    return {symbol: base_units(amount, network.tokens[symbol].decimals) for symbol, amount in given.items()}


def _in_tokens(value: float, network: Network, prices: Mapping[Symbol, float]) -> dict[Symbol, int]:
    """A value in quote tokens, in base units of each token that has a price, the native coin included."""
    amounts_by_token: dict[Symbol, int] = {}
    for symbol, token in network.tokens.items():
        price = 1.0 if symbol == network.quote else prices.get(symbol, 0.0)
        if price > 0:
            amount = Decimal(repr(value)) / Decimal(repr(price))
            amounts_by_token[symbol] = int(amount.scaleb(token.decimals).to_integral_value(ROUND_DOWN))
    if network.wrapped in amounts_by_token:
        amounts_by_token[NATIVE] = amounts_by_token[network.wrapped]
    return amounts_by_token


def _leading_digit(amount: int) -> int:
    scale: int = 10 ** (len(str(amount)) - 1)
    return amount // scale * scale
