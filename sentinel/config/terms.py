"""The operator's terms, from settings as people write them to the base units that the stages decide on. Pure.

Decimal arithmetic, rounded down where the number permits something and never through a float.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import ROUND_DOWN, Decimal

from sentinel.config.settings import Settings
from sentinel.core.errors import SettingsError
from sentinel.core.mandate import Brief, Limits, Mandate
from sentinel.core.network import NATIVE, FeeMarket, Network, Symbol
from sentinel.core.units import BPS, COIN_DECIMALS, GWEI_DECIMALS


def base_units(amount: float, decimals: int) -> int:
    """12.34 with 6 decimals -> 12_340_000; the float's shortest decimal form counts, not its binary tail."""
    return int(Decimal(repr(amount)).scaleb(decimals).to_integral_value(ROUND_DOWN))


def limits(settings: Settings, network: Network) -> Limits:
    """Raises SettingsError where they name a token that the network does not have."""
    given, legacy = settings.limits, network.fees is FeeMarket.LEGACY
    quote = network.tokens[network.quote].decimals
    if unknown := sorted(set(given.inventory_bps) - set(network.tokens)):
        raise SettingsError(f"SENTINEL_LIMITS__INVENTORY_BPS: {', '.join(unknown)} not in network {network.name}")
    return Limits(
        max_trade=base_units(given.max_trade, quote),
        min_trade=base_units(given.min_trade, quote),
        max_slippage_bps=given.max_slippage_bps,
        reference_tolerance_bps=given.reference_tolerance_bps,
        min_profit=base_units(given.min_profit, quote),
        max_gas=given.max_gas,
        max_fee=base_units(given.max_fee_gwei, GWEI_DECIMALS),
        # one gas price is all that there is on a legacy network, so it has one cap
        max_priority_fee=base_units(given.max_fee_gwei if legacy else given.max_priority_fee_gwei, GWEI_DECIMALS),
        max_cost=base_units(given.max_cost_eth, COIN_DECIMALS),
        gas_reserve=base_units(given.gas_reserve_eth, COIN_DECIMALS),
        max_head_age=given.max_head_age,
        max_deadline=given.deadline,
        daily_loss=base_units(given.daily_loss, quote),
        daily_volume=base_units(given.daily_volume, quote),
        inventory_bps=dict(given.inventory_bps),
        max_approval=base_units(given.approval, quote),
    )


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
        bars=given.bars,
        threshold=given.threshold,
        size=given.size,
        least=given.least,
        until=given.until,
        every=given.every,
    )


def brief(settings: Settings) -> Brief:
    """What the analyst is asked for."""
    given = settings.analyst
    return Brief(settings.strategy.base, given.trend, given.swing, given.fall, settings.strategy.size)


def weight_bounds(settings: Settings, network: Network) -> tuple[dict[Symbol, int], dict[Symbol, int]]:
    """The least and the most of a view's weights, bps. Raises SettingsError where they leave the standing weights no
    place, or name a token that the network does not have."""
    given, standing = settings.analyst, settings.strategy.target_weights
    least, most = dict(given.least_bps), {**settings.limits.inventory_bps, **given.most_bps}
    if unknown := sorted({*least, *most} - set(network.tokens)):
        raise SettingsError(f"SENTINEL_ANALYST__LEAST_BPS, __MOST_BPS: {', '.join(unknown)} not in {network.name}")
    for symbol in sorted({*least, *most, *standing}):
        low, high = least.get(symbol, 0), most.get(symbol, BPS)
        if not low <= standing.get(symbol, 0) <= high:
            raise SettingsError(
                f"SENTINEL_STRATEGY__TARGET_WEIGHTS: {symbol} at {standing.get(symbol, 0)} bps is outside the "
                f"{low} to {high} that SENTINEL_ANALYST__LEAST_BPS, __MOST_BPS and the inventory limit leave a view"
            )
    return least, most


def desk(settings: Settings, network: Network) -> Network:
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
    caps = _in_tokens(settings.limits.approval, network, prices)
    caps.pop(NATIVE, None)
    return {symbol: _leading_digit(amount) for symbol, amount in caps.items()}


def signed_allowances(settings: Settings, network: Network, prices: Mapping[Symbol, float]) -> dict[Symbol, int]:
    """The largest allowance that the signer signs, by token in base units: twice ours, since prices move while the
    signer's caps stand, and a first digit may go from 1 to 2."""
    return {symbol: 2 * amount for symbol, amount in allowances(settings, network, prices).items()}


def least_allowances(settings: Settings, network: Network, prices: Mapping[Symbol, float]) -> dict[Symbol, int]:
    """Below these an allowance is made anew: what a few of the largest trades need."""
    worth = min(4 * settings.limits.max_trade, settings.limits.approval / 2)
    caps = allowances(settings, network, prices)
    return {
        symbol: min(amount, caps[symbol])
        for symbol, amount in _in_tokens(worth, network, prices).items()
        if symbol in caps
    }


def trades(settings: Settings, network: Network, prices: Mapping[Symbol, float]) -> dict[Symbol, int]:
    """What the signer lets one trade take, by token in base units: twice policy's largest, since prices move while the
    signer's caps stand; never more than the approval."""
    caps = _in_tokens(min(2 * settings.limits.max_trade, settings.limits.approval), network, prices)
    caps.pop(NATIVE, None)
    return caps


def daily(settings: Settings, network: Network, prices: Mapping[Symbol, float]) -> dict[Symbol, int]:
    """What the signer lets a UTC day's trades take, by token in base units: twice policy's, for the same reason."""
    caps = _in_tokens(2 * settings.limits.daily_volume, network, prices)
    caps.pop(NATIVE, None)
    return caps


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
