"""The settings of the strategy: SENTINEL_STRATEGY__..."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal, get_args

from pydantic import Field, model_validator

from sentinel.config.group import MAX_QUOTE, SettingsGroup, Weights
from sentinel.core.units import BPS

Playbook = Literal["rebalance", "momentum", "arbitrage", "triangle", "mean_reversion", "reduce_risk", "slice"]


class StrategySettings(SettingsGroup):
    reloadable: ClassVar[frozenset[str]] = frozenset(
        {
            "playbook",
            "file",
            "order",
            "order_file",
            "order_hash",
            "exits",
            "target_weights",
            "band",
            "threshold",
            "max_size",
            "min_size",
            "last_slice_block",
            "slice_interval_blocks",
        }
    )

    playbook: Playbook = Field("rebalance", description=f"strategy of the trader: {', '.join(get_args(Playbook))}")
    file: Path | None = Field(
        None,
        description="program of SENTINEL_PROPOSER=code: one code action of at most 8000 bytes, read at the start and "
        "at each reload",
    )
    order: str = Field(
        "",
        max_length=4000,
        description="the order, as a reading (docs/orders.md); setting it approves it. If empty, the order that "
        "`sentinel order approve` approved, if there is one",
    )
    order_file: Path | None = Field(None, description="file that holds the order, instead of `order`")
    order_hash: str = Field(
        "",
        pattern="^([0-9a-f]{64})?$",
        description="hash of an order that was approved before; a start with another one is refused",
    )
    exits: Literal["player", "vote"] = Field(
        "player",
        description="who decides on a sale that the order wants for the quote token while the vote holds: `player` "
        "makes it, `vote` leaves it",
    )
    base: str = Field("WETH", description="token that is traded against the quote token")
    venue: Literal["", "uniswap_v2", "uniswap_v3", "uniswap_v4"] = Field(
        "", description="the only venue that the trader may see and use; if empty, all venues"
    )
    target_weights: Weights = Field(
        {"WETH": 5000, "USDC": 5000}, description="target weights (bps of equity by token); their sum is 10000"
    )
    band: float = Field(
        0.02,
        gt=0,
        lt=1,
        description="deviation (reduce_risk: excess) that is left alone (fraction of equity)",
    )
    lookback_blocks: int = Field(
        20, ge=2, le=500, description="lookback of momentum, mean_reversion and reduce_risk (blocks)"
    )
    threshold: float = Field(
        0.004, gt=0, lt=1, description="smallest move, distance from the mean or fall that counts (fraction)"
    )
    max_size: float = Field(500.0, gt=0, le=MAX_QUOTE, description="largest input of one action (quote tokens)")
    min_size: float = Field(
        10.0,
        ge=0,
        le=MAX_QUOTE,
        description="smallest trade, or smallest net profit for arbitrage and triangle (quote tokens)",
    )
    last_slice_block: int = Field(
        0, ge=0, le=10**12, description="slice: number of the block of the last slice; required for this playbook"
    )
    slice_interval_blocks: int = Field(
        10, ge=1, le=10**9, description="slice: distance between slices, counted back from the last (blocks)"
    )

    @model_validator(mode="after")
    def _one_order(self) -> StrategySettings:
        if self.order and self.order_file is not None:
            raise ValueError("order or order_file, not both")
        return self

    @model_validator(mode="after")
    def _slices_end(self) -> StrategySettings:
        if self.playbook == "slice" and self.last_slice_block == 0:
            raise ValueError("the slice playbook needs last_slice_block, the number of the block of its last slice")
        return self

    @model_validator(mode="after")
    def _weights_sum(self) -> StrategySettings:
        if sum(self.target_weights.values()) != BPS:
            raise ValueError(f"target_weights sum to {sum(self.target_weights.values())}, not 10000 bps")
        return self
