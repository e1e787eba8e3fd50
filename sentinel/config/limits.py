"""The operator's limits: the settings, the limits in base units, and the conversion between them.

A new limit needs three lines here and a rule in `decide/rules_*.py` that enforces it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from sentinel.config.group import MAX_COIN, MAX_GWEI, MAX_QUOTE, CommaList, SettingsGroup, Weights
from sentinel.config.units import base_units
from sentinel.core.errors import SettingsError
from sentinel.core.network import FeeMarket, Network, Symbol
from sentinel.core.units import BPS, COIN_DECIMALS, GWEI_DECIMALS, MAX_TX_GAS, TRANSFER_GAS

MAX_VOLUME = 1e12  # quote tokens per day


class LimitSettings(SettingsGroup):
    reloadable: ClassVar[frozenset[str]] = frozenset(
        {
            "max_trade",
            "min_trade",
            "slippage_bps",
            "max_slippage_bps",
            "max_reference_deviation_bps",
            "max_gain_bps",
            "min_profit",
            "max_cost_bps",
            "max_cost_exits",
        }
        | {"min_gas_reserve_eth", "max_daily_loss", "max_daily_volume", "max_inventory_bps"}
        | {"max_shortfall_bps", "max_mean_shortfall_bps", "shortfall_trades"}
    )  # the others are fixed, because the signer has a copy of them or a part was built with them

    max_trade: float = Field(1000.0, gt=0, le=MAX_QUOTE, description="largest trade (quote tokens)")
    min_trade: float = Field(1.0, ge=0, le=MAX_QUOTE, description="smallest trade (quote tokens)")
    slippage_bps: int = Field(50, ge=1, le=100, description="distance of min_out below our own quote at the head (bps)")
    max_slippage_bps: int = Field(
        100, ge=1, le=300, description="hard limit of slippage against the reference, on top of pool fees (bps)"
    )
    max_reference_deviation_bps: int = Field(
        100, ge=1, le=1000, description="largest deviation of a pool price from the reference price (bps)"
    )
    max_gain_bps: int = Field(
        300, ge=10, le=1000, description="largest gain of a trade over the reference; more is no price but a trap (bps)"
    )
    min_profit: float = Field(
        0.5, ge=0, le=MAX_QUOTE, description="smallest gain of a closed cycle after gas (quote tokens)"
    )
    max_cost_bps: int = Field(
        300, ge=1, le=BPS, description="largest expected gas and pool fees of a trade, as a share of its value (bps)"
    )
    max_cost_exits: Literal["exempt", "apply"] = Field(
        "exempt",
        description="exits, sales into the quote token, above max_cost_bps: let through (exempt) or refused (apply); "
        "`stop --flatten` always sells",
    )
    max_gas: int = Field(
        2_000_000, ge=TRANSFER_GAS, le=MAX_TX_GAS, description="largest gas limit per transaction (gas units)"
    )
    max_fee_gwei: float = Field(200.0, gt=0, le=MAX_GWEI, description="absolute cap on the fee per gas (gwei)")
    max_priority_fee_gwei: float = Field(
        5.0,
        gt=0,
        le=MAX_GWEI,
        description="absolute cap on the priority fee per gas (gwei); not used on a legacy network",
    )
    max_cost_eth: float = Field(
        0.1,
        gt=0,
        le=MAX_COIN,
        description="absolute cap on the cost of a transaction, gas limit x fee cap + data fee (native coin)",
    )
    min_gas_reserve_eth: float = Field(
        0.02, ge=0, le=MAX_COIN, description="gas reserve, which must remain in the wallet (native coin)"
    )
    max_head_age: int = Field(60, ge=1, le=3_600, description="age after which a head is stale (seconds)")
    max_deadline: int = Field(
        120, ge=10, le=600, description="longest time from the head to the deadline of a trade (seconds)"
    )
    max_daily_loss: float = Field(
        200.0,
        gt=0,
        le=MAX_QUOTE,
        description="largest sum of losses per UTC day, gas included; gains make no room (quote tokens)",
    )
    max_daily_volume: float = Field(
        50_000.0, gt=0, le=MAX_VOLUME, description="largest gross input of all trades per UTC day (quote tokens)"
    )
    max_inventory_bps: Weights = Field(
        {}, description="largest share of equity in a token after a trade (bps by token); not named: no cap"
    )
    trusted_tokens: Annotated[tuple[Symbol, ...], CommaList] = Field(
        (),
        description="tokens that are bought without a simulated sale (comma-separated); empty: those that the network "
        "file marks as trusted. The quote token and the wrapped coin always are",
    )
    max_shortfall_bps: float = Field(
        100.0, gt=0, le=BPS, description="implementation shortfall of one trade above which trading halts (bps)"
    )
    max_mean_shortfall_bps: float = Field(
        30.0,
        gt=0,
        le=BPS,
        description="mean shortfall of the last shortfall_trades above which trading halts; gains count as 0 (bps)",
    )
    shortfall_trades: int = Field(
        10, ge=2, le=1000, description="number of confirmed trades in the mean implementation shortfall"
    )
    max_approval: float = Field(
        20_000.0,
        gt=0,
        le=MAX_QUOTE,
        description="largest value of the ERC-20 allowance to Permit2 per token (quote tokens)",
    )


@dataclass(frozen=True, slots=True)
class Limits:
    """Hard limits outside the model, in base units of the quote token unless a comment names another unit."""

    max_trade: int
    min_trade: int
    max_slippage_bps: int  # of the simulated output and of min_out against the reference price
    reference_tolerance_bps: int  # of the pool's mid price against the reference
    max_gain_bps: int  # of the simulated output above the reference; of a closed cycle, its net gain over its input
    min_profit: int  # smallest gain of a closed cycle after gas
    max_cost_bps: int  # of expected gas and pool fees, against the value of a trade's input
    exits_exempt: bool  # from max_cost_bps
    max_gas: int  # gas units per transaction
    max_fee: int  # wei per gas
    max_priority_fee: int  # wei per gas
    max_cost: int  # wei, gas_limit x max_fee and the data fee
    gas_reserve: int  # wei of the native coin that must remain
    max_head_age: int  # seconds
    max_deadline: int  # seconds from the head's timestamp
    daily_loss: int
    daily_volume: int
    inventory_bps: Mapping[Symbol, int]  # largest share of equity in a token after the trade; absent: no cap
    trusted: frozenset[Symbol]  # tokens that may be bought without a simulated sale
    max_approval: int  # largest value of one token's ERC-20 allowance from the wallet to Permit2
    max_shortfall_bps: float  # of one trade
    max_mean_shortfall_bps: float  # mean of the last `shortfall_trades`
    shortfall_trades: int

    @property
    def price_tolerance_bps(self) -> int:
        """How far the signer lets a trade be off by its own prices, which may be a feed's update away from those that
        policy decided by. Policy holds trades of an order to the same, so that it refuses first."""
        return self.max_slippage_bps + self.reference_tolerance_bps

    @classmethod
    def of(cls, given: LimitSettings, network: Network) -> Limits:
        """The only place where limits are derived. Policy, builder, executor and approvals share the daemon's limits;
        the signer's process derives its own (I24). Raises SettingsError if they name a token that the network does not
        have."""
        for name, symbols in (("MAX_INVENTORY_BPS", given.max_inventory_bps), ("TRUSTED_TOKENS", given.trusted_tokens)):
            if unknown := sorted(set(symbols) - set(network.tokens)):
                raise SettingsError(f"SENTINEL_LIMITS__{name}: {', '.join(unknown)} not in network {network.name}")
        marked = (symbol for symbol, token in network.tokens.items() if token.trusted)
        quote, legacy = network.tokens[network.quote].decimals, network.fees is FeeMarket.LEGACY
        return cls(
            max_trade=base_units(given.max_trade, quote),
            min_trade=base_units(given.min_trade, quote),
            max_slippage_bps=given.max_slippage_bps,
            reference_tolerance_bps=given.max_reference_deviation_bps,
            max_gain_bps=given.max_gain_bps,
            min_profit=base_units(given.min_profit, quote),
            max_cost_bps=given.max_cost_bps,
            exits_exempt=given.max_cost_exits == "exempt",
            max_gas=given.max_gas,
            max_fee=base_units(given.max_fee_gwei, GWEI_DECIMALS),
            # a legacy network has one gas price only, and so one cap
            max_priority_fee=base_units(given.max_fee_gwei if legacy else given.max_priority_fee_gwei, GWEI_DECIMALS),
            max_cost=base_units(given.max_cost_eth, COIN_DECIMALS),
            gas_reserve=base_units(given.min_gas_reserve_eth, COIN_DECIMALS),
            max_head_age=given.max_head_age,
            max_deadline=given.max_deadline,
            daily_loss=base_units(given.max_daily_loss, quote),
            daily_volume=base_units(given.max_daily_volume, quote),
            inventory_bps=dict(given.max_inventory_bps),
            trusted=frozenset(given.trusted_tokens or marked) | {network.quote, network.wrapped},
            max_approval=base_units(given.max_approval, quote),
            max_shortfall_bps=given.max_shortfall_bps,
            max_mean_shortfall_bps=given.max_mean_shortfall_bps,
            shortfall_trades=given.shortfall_trades,
        )
