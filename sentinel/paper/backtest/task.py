"""One piece of a backtest: an order on one contiguous run of minutes, with one seed. Plain values for a worker."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sentinel.config.units import base_units
from sentinel.core.network import NATIVE, Network, Symbol
from sentinel.core.units import COIN

MINUTE = 60  # seconds
WORTH = 5_000  # quote tokens of each of the two tokens that a wallet begins with
COIN_OF_PRICES = "WETH"  # the token that the price files are about


@dataclass(frozen=True, slots=True)
class Task:
    """`closes` are quote tokens per coin, one a minute from `start`, without a gap."""

    name: str  # of the order in tables, such as "band=1%"
    reading: str
    segment: int  # place of the run of minutes in the price history, from 0
    seed: int  # of the crowd, the base fee and the WBTC price
    start: int  # Unix seconds of the first minute
    closes: tuple[float, ...]
    before: tuple[float, ...]  # closes of the minutes before, which the order may look back at
    explicit: Mapping[str, Any]  # settings that a command line gives
    env_file: str

    def dumps(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def loads(cls, text: str) -> Task:
        values = json.loads(text)
        return cls(**values | {name: tuple(values[name]) for name in ("closes", "before")})


def purse(first_close: float, network: Network) -> dict[Symbol, int]:
    """What a wallet begins with, in base units: half in quote tokens, half in the coin, and one native coin for gas."""
    coin = network.tokens[COIN_OF_PRICES]
    return {
        network.quote: base_units(WORTH, network.tokens[network.quote].decimals),
        coin.symbol: base_units(WORTH / first_close, coin.decimals),
        NATIVE: COIN,
    }
