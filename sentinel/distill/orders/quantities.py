"""The quantities of an order: amounts, prices, percentages and times, drawn as people choose them."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

MINUTE, HOUR, DAY, BLOCK = 60, 3_600, 86_400, 12  # seconds
COINS = ("WETH", "WBTC")
QUOTE = "USDC"
OTHER_COINS = (
    "doge", "DOGE", "dogecoin", "sol", "SOL", "solana", "pepe", "shib", "ADA", "cardano", "xrp", "XRP", "ripple",
    "avax", "matic", "dot", "bnb", "link", "ltc", "litecoin", "tron", "arb tokens", "uni", "aave", "bonk", "near",
)  # fmt: skip


class Unsayable(Exception):
    """These choices make no phrase: other ones are drawn."""


@dataclass(slots=True)
class Scene:
    """What the slots of one order have in common: the price of each coin, and whether times are said in blocks."""

    rng: random.Random
    middle: dict[str, Decimal]
    blocks: float  # how likely a time is said in blocks

    @classmethod
    def drawn(cls, rng: random.Random) -> Scene:
        middle = {"WETH": _log(rng, 1_100, 5_500), "WBTC": _log(rng, 26_000, 130_000)}
        return cls(rng, middle, rng.choice((0, 0, 0, 0.5, 1)))


@dataclass(slots=True)
class Scope:
    """The values of one phrase by the names of its slots; a phrase inside another has its own, but for the coins."""

    scene: Scene
    coins: tuple[str, ...]  # {coin} and {coin2}
    values: dict[str, Decimal] = field(default_factory=dict)

    def inner(self) -> Scope:
        return Scope(self.scene, self.coins)

    def value(self, name: str) -> Decimal:
        """The value of a slot, drawn when it is asked for the first time."""
        if name not in self.values:
            self.values[name] = DRAWN[name.rstrip("0123456789")](self, name)
        return self.values[name]

    def coin(self, name: str) -> str:
        return self.coins[name.endswith("2")]


Draw = Callable[[Scope, str], Decimal]


def _log(rng: random.Random, low: float, high: float) -> Decimal:
    return Decimal(repr(low * (high / low) ** rng.random()))


def rounded(rng: random.Random, value: Decimal, digits: Sequence[int] = (1, 2, 2, 3)) -> Decimal:
    """To one to three significant digits, or to a multiple of 25 or 50 of the last of them."""
    step = Decimal(10) ** (value.adjusted() - rng.choice(digits) + 1)
    step *= rng.choice((1, 1, 1, Decimal("2.5"), 5)) if value > 20 * step else 1
    result = (value / step).quantize(Decimal(1)) * step
    return Decimal(f"{(result or step).normalize():f}")


def _pick(*values: str) -> Draw:
    return lambda scope, name: Decimal(scope.scene.rng.choice(values))


def _between(low: float, high: float, *, digits: Sequence[int] = (1, 2, 2, 3)) -> Draw:
    return lambda scope, name: rounded(scope.scene.rng, _log(scope.scene.rng, low, high), digits)


def _usd(scope: Scope, name: str) -> Decimal:
    rng = scope.scene.rng
    if rng.random() < 0.12:
        return Decimal(rng.randint(11, 2_999))
    return rounded(rng, _log(rng, 12, 15_000), (1, 1, 2, 2, 3)).quantize(Decimal(1))


def _level(low: float, high: float) -> Draw:
    """A price per coin, this far around the middle."""

    def draw(scope: Scope, name: str) -> Decimal:
        rng = scope.scene.rng
        coin = scope.coin("coin2" if name.endswith("2") else "coin")
        value = scope.scene.middle[coin] * Decimal(repr(rng.uniform(low, high)))
        found = rounded(rng, value, (2, 2, 2, 3, 3, 4))
        if coin == "WETH" and rng.random() < 0.03:
            found += Decimal("0.5")
        return found if rng.random() < 0.93 else value.quantize(Decimal(1))

    return draw


def _number(scope: Scope, name: str) -> Decimal:
    """Of whole coins."""
    rng = scope.scene.rng
    usual = ("0.1", "0.25", "0.5", "0.5", "1", "1", "2", "3", "5", "0.2", "0.05", "1.5", "4", "10")
    value = Decimal(rng.choice(usual)) if rng.random() < 0.5 else rounded(rng, _log(rng, 0.02, 30), (1, 2, 2))
    return value if scope.coin("coin") == "WETH" or value < 1 else value / 10


def _percent(low: float, high: float) -> Draw:
    def draw(scope: Scope, name: str) -> Decimal:
        rng = scope.scene.rng
        value = _log(rng, low, high)
        if value > 4 and rng.random() < 0.85:
            return value.quantize(Decimal(1))
        quarters = max((value * 4).quantize(Decimal(1)) / 4, Decimal("0.25"))
        return quarters if rng.random() < 0.5 else Decimal(f"{float(value):.{rng.choice((1, 1, 2))}g}")

    return draw


def _more(of: str, low: float, high: float) -> Draw:
    """A larger value than that of another slot."""

    def draw(scope: Scope, name: str) -> Decimal:
        base = scope.value(of)
        value = rounded(scope.scene.rng, base * Decimal(repr(scope.scene.rng.uniform(low, high))), (2, 2, 1))
        return value if value > base else base * 2

    return draw


def _weight(scope: Scope, name: str) -> Decimal:
    rng = scope.scene.rng
    return Decimal(5 * rng.randint(2, 18)) if rng.random() < 0.9 else Decimal(rng.randint(11, 89))


def _second_weight(scope: Scope, name: str) -> Decimal:
    """So that a tenth at least is left for the quote token."""
    left = int(100 - scope.value("w")) - 10
    if left < 10:
        raise Unsayable("two more weights do not fit beside it")
    return Decimal(scope.scene.rng.randrange(5, left + 1, 5))


def _band(scope: Scope, name: str) -> Decimal:
    most = min(scope.value("w"), 100 - scope.value("w")) / 2
    value = Decimal(scope.scene.rng.choice(("1", "2", "2", "2.5", "3", "4", "5", "5", "5", "6", "8", "10")))
    return min(value, max(most.quantize(Decimal(1)), Decimal(1)))


def _seconds(minutes: Sequence[int], blocks: Sequence[int]) -> Draw:
    """A duration in seconds, whole blocks where blocks are said."""

    def draw(scope: Scope, name: str) -> Decimal:
        rng = scope.scene.rng
        if rng.random() < scope.scene.blocks:
            scope.values[name + "_blocks"] = Decimal(1)
            return Decimal(BLOCK * rng.choice(blocks))
        return Decimal(MINUTE * rng.choice(minutes))

    return draw


_HOURS = tuple(60 * hours for hours in (1, 1, 1, 2, 2, 3, 4, 6, 8, 12))
_DAYS = tuple(1_440 * days for days in (1, 1, 1, 1, 2, 3, 7, 7))
_SHARES = ("50", "50", "50", "25", "25", "10", "20", "30", "40", "75", "5", "15", "60", "33", "80", "12.5", "7", "2")

DRAWN: dict[str, Draw] = {
    "usd": _usd,
    "more_usd": _more("usd", 1.4, 4),
    "reserve": _between(50, 20_000, digits=(1, 1, 2)),
    "day_usd": _between(300, 30_000, digits=(1, 1, 2)),
    "total": _between(600, 60_000, digits=(1, 1, 2)),
    "profit": _between(1, 60, digits=(1, 1, 2)),
    "loss": _between(40, 6_000, digits=(1, 2, 2)),
    "off": lambda scope, name: rounded(scope.scene.rng, scope.scene.middle[scope.coin("coin")] / 100, (1, 2))
    * scope.scene.rng.choice((1, 2, 3, 5)),
    "n": _number,
    "level": _level(0.7, 1.35),
    "low": _level(0.6, 0.95),
    "lower": lambda scope, name: rounded(
        scope.scene.rng, scope.value("low") * Decimal(repr(scope.scene.rng.uniform(0.75, 0.93))), (2, 3)
    ),
    "high": _level(1.05, 1.7),
    "higher": lambda scope, name: rounded(
        scope.scene.rng, scope.value("high") * Decimal(repr(scope.scene.rng.uniform(1.08, 1.35))), (2, 3)
    ),
    "pct": _percent(2, 30),
    "more_pct": _more("pct", 1.3, 3),
    "move": _percent(0.3, 8),
    "tiny": _percent(0.1, 1.2),
    "share": _pick(*_SHARES),
    "cap": lambda scope, name: Decimal(5 * scope.scene.rng.randint(2, 17)),
    "w": _weight,
    "rest": lambda scope, name: 100 - scope.value("w"),
    "v": _second_weight,
    "last": lambda scope, name: 100 - scope.value("w") - scope.value("v"),
    "band": _band,
    "edge_low": lambda scope, name: scope.value("w") - scope.value("band"),
    "edge_high": lambda scope, name: scope.value("w") + scope.value("band"),
    "zone": _pick("5", "10", "10", "15", "20", "20", "25", "30"),
    "zone_rest": lambda scope, name: 100 - scope.value("zone"),
    "rsi_low": _pick("20", "25", "28", "30", "30", "32", "35", "22", "40", "18"),
    "rsi_bars": _pick("7", "9", "10", "14", "14", "21"),
    "rsi_high": _pick("65", "68", "70", "70", "72", "75", "78", "80", "82"),
    "gwei": _pick(
        "5", "8", "10", "12", "15", "18", "20", "20", "25", "25", "30", "35", "40", "45", "50", "60", "75", "90", "100",
        "120", "0.5", "1.5", "2", "3",
    ),
    "count": _pick("2", "3", "3", "4", "5", "6", "7", "8"),
    "times": _pick("2", "3", "3", "4", "5", "6", "8", "10", "12", "15", "20", "30"),
    "parts": _pick("3", "4", "4", "5", "6", "6", "8", "8", "10", "10", "12", "15", "16", "20", "24", "30", "50"),
    "bars": _pick("10", "12", "15", "20", "20", "25", "30", "30", "40", "50", "60", "80", "100", "120"),
    "span": _seconds(
        (5, 10, 10, 15, 20, 30, 30, 45, 60, 60, 120, 240, 1_440),
        (5, 10, 20, 25, 30, 40, 50, 60, 75, 100, 150, 300),
    ),
    "period": _seconds(
        (15, 30, *_HOURS, *_DAYS, 5, 10, 90, 45, 720),
        (50, 75, 100, 150, 200, 250, 300, 500, 600, 1_000, 3_600, 7_200),
    ),
    "gap": _seconds(
        (10, 15, 20, 30, 30, 45, *_HOURS, 1_440), (20, 25, 50, 60, 100, 120, 150, 200, 300, 500, 1_000)
    ),
    "over": _seconds(
        (30, 60, 60, 90, 120, 180, 240, 360, 480, 720, 1_440, 2_880, 4_320),
        (100, 120, 150, 240, 300, 600, 900, 1_200),
    ),
    "life": _seconds(
        (60, 180, 360, 720, *_DAYS, 20_160, 43_200, 7_200), (300, 600, 1_000, 3_000, 7_200, 20_000)
    ),
    "other": lambda scope, name: Decimal(scope.scene.rng.randrange(len(OTHER_COINS))),
    "lever": _pick("2", "3", "5", "10", "20", "1.5", "50"),
    "w_over": lambda scope, name: Decimal(5 * scope.scene.rng.randint(11, 18)),
    "address": lambda scope, name: Decimal(scope.scene.rng.getrandbits(160)),
    "date": lambda scope, name: Decimal(1_798_761_600 + 3_600 * scope.scene.rng.randrange(24 * 300)),
}  # fmt: skip
