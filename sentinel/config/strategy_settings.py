"""The settings of the strategy: SENTINEL_STRATEGY__..."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field, model_validator

from sentinel.config.group import SettingsGroup


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
    base: str = Field(
        "WETH",
        description="coin that a preset or a tool takes if none is named; `venue` must have a pool of it, and doctor "
        "judges the size of trades by it",
    )
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
