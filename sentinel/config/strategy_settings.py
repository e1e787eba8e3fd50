"""The settings of the strategy and of the analyst: SENTINEL_STRATEGY__..., SENTINEL_ANALYST__..."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field, model_validator

from sentinel.config.group import SettingsGroup, Weights
from sentinel.core.units import BPS


class StrategySettings(SettingsGroup):
    reloadable: ClassVar[frozenset[str]] = frozenset(
        {"file", "order", "order_file", "order_hash", "without_order", "exits"}
    )

    file: Path | None = Field(
        None,
        description="program of SENTINEL_PROPOSER=code: one code action of at most 8000 bytes, read at the start and "
        "at each reload",
    )
    order: str = Field(
        "",
        max_length=4000,
        description="the order, as a reading (docs/orders.md); setting it approves it. If empty, the order that "
        "`sentinel order set` approved; without one the student and the oracle trade nothing",
    )
    order_file: Path | None = Field(None, description="file that holds the order, instead of `order`")
    order_hash: str = Field(
        "",
        pattern="^([0-9a-f]{64})?$",
        description="hash of an order that was approved before; a start with another one is refused",
    )
    without_order: Literal["hold", "trade"] = Field(
        "hold",
        description="what a program or a server may do once an order has ended and no other is approved: `hold`, or "
        "`trade` as it may before the first order. The student and the oracle hold in any case",
    )
    exits: Literal["player", "vote"] = Field(
        "player",
        description="who decides on a sale that the order wants for the quote token while the vote holds: `player` "
        "makes it, `vote` leaves it",
    )
    base: str = Field("WETH", description="coin that a preset or a tool takes if none is named")
    venue: Literal["", "uniswap_v2", "uniswap_v3", "uniswap_v4"] = Field(
        "", description="the only venue that the trader may see and use; if empty, all venues"
    )
    lookback_blocks: int = Field(
        60, ge=2, le=500, description="closes, one a block, that a program or a model can read with `prices` (blocks)"
    )

    @model_validator(mode="after")
    def _one_order(self) -> StrategySettings:
        if self.order and self.order_file is not None:
            raise ValueError("order or order_file, not both")
        return self


class AnalystSettings(SettingsGroup):
    source: Literal["settings", "model"] = Field(
        "settings", description="source of the view: strategy.target_weights, or a model that adjusts them"
    )
    name: str = Field("analyst", description="served model name of the analyst, at the endpoint of the student")
    valid_blocks: int = Field(
        10, ge=1, le=100_000, description="validity of a view (blocks); the next view is requested before it ends"
    )
    fallback: Literal["settings", "hold"] = Field(
        "settings", description="behaviour while no view is valid: follow strategy.target_weights (settings), or hold"
    )
    samples: int = Field(
        1, ge=1, le=64, description="number of samples per step, most of which must agree; 1 samples greedily"
    )
    timeout: float = Field(
        10.0, gt=0, le=100, description="timeout of one analysis, which runs in parallel with the cycles (seconds)"
    )
    trend_threshold: float = Field(
        0.002, gt=0, lt=1, description="distance of the fast from the slow average that is a trend (fraction)"
    )
    stress_volatility: float = Field(
        0.0014, gt=0, lt=1, description="volatility per block above which the market is in stress (fraction)"
    )
    stress_drawdown: float = Field(
        0.02, gt=0, lt=1, description="drawdown in 60 blocks above which the market is in stress (fraction)"
    )
    min_confidence: float = Field(
        0.5, ge=0, le=1, description="smallest confidence of a view that is accepted (0 to 1)"
    )
    max_step_bps: int = Field(2000, ge=1, le=BPS, description="largest change of a token's weight by one view (bps)")
    min_weight_bps: Weights = Field({}, description="smallest weight in a view (bps by token); not named: 0")
    max_weight_bps: Weights = Field(
        {}, description="largest weight in a view (bps by token); not named: limits.max_inventory_bps, or 10000"
    )
