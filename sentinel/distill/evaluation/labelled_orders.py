"""Labelled orders: orders in words, with market situations and what is right to do in each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, ValidationError, model_validator

from sentinel.agent.read_prompt import one_line_order
from sentinel.core.closes import CloseSeries
from sentinel.core.errors import OperatorError
from sentinel.core.network import Symbol
from sentinel.orders.language.reading import Reading
from sentinel.orders.language.reading_parser import NotRead, parse
from sentinel.orders.playing.situation import Fill, Gap, Position, Situation
from sentinel.orders.typed.expressions import Statistic, Window
from sentinel.orders.typed.order import Order

BLOCK = 12  # seconds, of labelled orders
NOW = 1_700_000_000
QUOTE: Symbol = "USDC"
TOKENS: tuple[Symbol, ...] = ("WETH", "WBTC", QUOTE)
LONG_AGO = 10**6  # seconds; when an order was set, if the situation does not say
_RSI_BARS, _RSI_BAR = 14, 60  # what `rsi14` states: bars and seconds each

Amount = Annotated[Decimal, Field(ge=0, allow_inf_nan=False)]
Blocks = Annotated[int, Field(ge=0, le=10**8)]  # decades of them
Price = Annotated[Decimal, Field(gt=0, allow_inf_nan=False)]


class Did(StrEnum):
    """What a label wants, and what a reader does in a situation."""

    BUY = "buy"
    SELL = "sell"
    SWAP = "swap"
    ARBITRAGE = "arbitrage"
    HOLD = "hold"
    ASK = "ambiguous"
    REFUSE = "cannot"

    @property
    def trades(self) -> bool:
        return self not in (Did.HOLD, Did.ASK, Did.REFUSE)


class _Stated(BaseModel):
    """A part of a line. A name that is not known is an error: a fact left out would change the answer."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class VenueGap(_Stated):
    """Two venues whose prices differ."""

    token: Symbol
    low_price: Price
    high_price: Price
    fees_bps: Amount  # of both legs
    gas_usdc: Amount  # of the round trip

    def round_trip(self, coin: Symbol, amount: Decimal) -> Gap | None:
        if coin != self.token:
            return None
        grown = amount * (self.high_price / self.low_price - 1)
        return Gap(amount, grown - amount * self.fees_bps / 10_000 - self.gas_usdc)


class Label(_Stated):
    """One right answer."""

    action: Did
    token: Symbol = ""  # bought, sold, or between the two venues
    amount_usdc: Amount = Decimal(0)
    tolerance_pct: Amount = Decimal(0)
    why: str = ""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.action.trades and not (self.token and self.amount_usdc > 0):
            raise ValueError(f"{self.action} needs a token and an amount_usdc above 0")
        if not self.action.trades and (self.token or self.amount_usdc):
            raise ValueError(f"{self.action} has no token and no amount")
        return self


class Expected(Label):
    alternatives: tuple[Label, ...] = Field(default=(), alias="or")


class LabelledSituation(_Stated):
    """Facts of a market, by coin where they are of a coin, and what is right to do."""

    price: Mapping[Symbol, Price]  # quote tokens per coin
    holdings: Mapping[Symbol, Amount]  # whole coins
    expect: Expected
    gas_gwei: Amount | None = None
    entry_price: Mapping[Symbol, Price] = {}
    high_since_entry: Mapping[Symbol, Price] = {}
    recent_closes: Mapping[Symbol, tuple[Price, ...]] = {}  # oldest first, one a block, the last is now
    price_ago: Mapping[Symbol, Mapping[NonNegativeInt, Price]] = {}  # by blocks ago
    block: NonNegativeInt | None = None
    blocks_since_start: Blocks | None = None
    blocks_since_last_trade: Blocks | None = None  # None: there was no trade, or it is not stated
    fills_so_far: Annotated[int, Field(ge=0, le=10_000)] | None = None
    spent_today: Amount = Decimal(0)  # quote tokens
    rsi14: Mapping[Symbol, Amount] = {}
    venue_gap: VenueGap | None = None

    @model_validator(mode="after")
    def _priced(self) -> Self:
        if unpriced := sorted(coin for coin in self.holdings if coin not in self.price and coin != QUOTE):
            raise ValueError(f"{', '.join(unpriced)} is held and has no price")
        if odd := sorted(coin for coin in self.high_since_entry if coin not in self.entry_price):
            raise ValueError(f"{', '.join(odd)} has a high since entry and no entry price")
        return self

    @property
    def labels(self) -> tuple[Label, ...]:
        """All right answers."""
        return (self.expect, *self.expect.alternatives)

    def facts(self, order: Order) -> Situation:
        """The situation as the player of `order` sees it. Closes beyond those that are stated are missing."""
        since, gap = self.blocks_since_start, self.venue_gap
        return Situation(
            time=NOW,
            prices={**self.price, QUOTE: Decimal(1)},
            holdings=self.holdings,
            gas_price=self.gas_gwei,
            closes=self._closes(),
            positions={
                coin: Position(entry, self.high_since_entry.get(coin, entry))
                for coin, entry in self.entry_price.items()
            },
            set_at=NOW - LONG_AGO if since is None else NOW - BLOCK * since,
            fills=self._fills(order),
            bought_today=self.spent_today,
            stated={Window(Statistic.RSI, coin, _RSI_BARS, _RSI_BAR): value for coin, value in self.rsi14.items()},
            gap=_no_gap if gap is None else gap.round_trip,
        )

    def _fills(self, order: Order) -> tuple[Fill, ...]:
        """As many as are stated, the last at the stated time.

        A situation does not say which clause traded. Clauses with a number of trades have theirs first, each all of its
        own before the next, since they alone depend on it.
        """
        since = self.blocks_since_last_trade
        count = self.fills_so_far
        if count is None:
            count = 0 if since is None else 1
        most = [clause.slices.parts if clause.slices else clause.times for clause in order.clauses]
        bounded = [index for index, times in enumerate(most) for _ in range(min(times or 0, count))]
        standing = [index for index, times in enumerate(most) if times is None][:1]
        clauses = [*bounded, *standing * count][:count]
        last = NOW - (LONG_AGO if since is None else BLOCK * since)
        return tuple(Fill(last, clause) for clause in clauses)

    def _closes(self) -> dict[Symbol, CloseSeries]:
        """Closes of one block each, the last of them now, and single prices of some blocks ago."""
        by_time: dict[Symbol, dict[int, float]] = {}
        for coin, closes in self.recent_closes.items():
            for back, close in enumerate(reversed(closes)):
                by_time.setdefault(coin, {})[NOW - back * BLOCK] = float(close)
        for coin, prices in self.price_ago.items():
            for blocks, price in prices.items():
                by_time.setdefault(coin, {})[NOW - blocks * BLOCK] = float(price)
        return {
            coin: CloseSeries(tuple(sorted(closes)), tuple(closes[time] for time in sorted(closes)))
            for coin, closes in by_time.items()
        }


def _no_gap(coin: Symbol, amount: Decimal) -> Gap | None:
    return None


class _Row(BaseModel):
    """A line of the file. Its other fields (tags, phrase rules) say nothing about what is right."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    id: Annotated[str, Field(pattern="^[ -~]+$", max_length=100)]
    text: str
    situations: Annotated[tuple[LabelledSituation, ...], Field(min_length=1)]
    kind: str = ""
    kinds: tuple[str, ...] = ()
    split: str = ""
    reading: str | None = None


@dataclass(frozen=True, slots=True)
class LabelledOrder:
    id: str
    kinds: tuple[str, ...]  # of clauses, such as dca; empty if the file does not say
    split: str  # of generated rows; empty for people's orders
    text: str  # the operator's words, on one line
    situations: tuple[LabelledSituation, ...]
    reading: Reading | None  # the true one, where the file has it


def read_orders(path: Path) -> list[LabelledOrder]:
    """The orders of a file of JSON lines. Raises OperatorError with the number of each wrong line and what is wrong."""
    try:
        lines = path.read_bytes().decode().split("\n")  # U+2028 is no end of a line
    except (OSError, UnicodeDecodeError) as error:
        raise OperatorError(f"{path} cannot be read: {error}") from error
    orders: dict[str, LabelledOrder] = {}
    faults: list[str] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            order = _order(line)
            if order.id in orders:
                raise ValueError(f"the id {order.id} stands there twice")
            orders[order.id] = order
        except (ValueError, OperatorError) as error:
            faults.append(f"{path}:{number}: {_fault(error)}")
    if faults:
        more = f"\n{len(faults) - _SHOWN} more lines are wrong" if len(faults) > _SHOWN else ""
        raise OperatorError("\n".join(faults[:_SHOWN]) + more)
    if not orders:
        raise OperatorError(f"{path} holds no orders")
    return list(orders.values())


_SHOWN = 20  # wrong lines in a message


def _order(line: str) -> LabelledOrder:
    row = _Row.model_validate_json(line)
    reading = None if row.reading is None else parse(row.reading, QUOTE)
    if isinstance(reading, NotRead):
        raise ValueError(f"its reading is none: {reading.why}")
    kinds = row.kinds or ((row.kind,) if row.kind else ())
    return LabelledOrder(row.id, kinds, row.split, one_line_order(row.text), row.situations, reading)


def _fault(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return str(error)
    return "; ".join(f"{'.'.join(map(str, one['loc'])) or 'the line'}: {one['msg']}" for one in error.errors()[:3])
