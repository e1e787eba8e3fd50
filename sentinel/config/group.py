"""What every group of settings is made of: the base class, and values that are written as one line of text."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_settings import NoDecode


class SettingsGroup(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    reloadable: ClassVar[frozenset[str]] = frozenset()  # names of what may change while the daemon runs


def comma_separated(value: object) -> object:
    """'a, b' -> ('a', 'b')."""
    return tuple(item.strip() for item in value.split(",") if item.strip()) if isinstance(value, str) else value


def _pairs(value: object, what: str) -> object:
    if not isinstance(value, str):
        return value
    pairs = [item.split("=", 1) for item in value.split(",") if item.strip()]
    if any(len(pair) != 2 for pair in pairs):
        raise ValueError(f"write it as SYMBOL={what},SYMBOL={what}")
    return {symbol.strip(): number.strip() for symbol, number in pairs}


def _weights(value: object) -> object:
    """'WETH=5000,USDC=5000' -> {'WETH': 5000, 'USDC': 5000}."""
    return _pairs(value, "BPS")


def _amounts(value: object) -> object:
    """'WETH=0.5,USDC=2000' -> {'WETH': 0.5, 'USDC': 2000.0}."""
    return _pairs(value, "AMOUNT")


Weights = Annotated[dict[str, Annotated[int, Field(ge=0, le=10_000)]], NoDecode, BeforeValidator(_weights)]
Amounts = Annotated[dict[str, Annotated[float, Field(gt=0)]], NoDecode, BeforeValidator(_amounts)]
CommaList = Annotated[tuple[str, ...], NoDecode, BeforeValidator(comma_separated)]
