"""What a trailing stop, an entry price and a cooldown must be at a block, by the chain's closes and transfers alone.

None of the order's own code is used: a daemon that was killed has to say the same numbers in the reasons of its cycles.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

INTERVAL = 4  # seconds of chain time between two purchases
STOP, RUIN = Decimal("0.998"), Decimal("0.5")
ORDER = (
    "If the price of WETH is at most 99.8% of the high since entry of WETH or the price of WETH is at most 50% of "
    f"the entry price of WETH, sell all of WETH. Buy 300 USDC worth of WETH, every {INTERVAL} seconds."
)
CLOSED = Decimal("0.001")  # share of a position at which it counts as sold
CENT = Decimal("0.01")
TRANSFER = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"  # Transfer(address,address,uint256)
_STOP = re.compile(r"99\.8% of the high since entry of WETH \(([\d,.]+) USDC\)")
_RUIN = re.compile(r"50% of the entry price of WETH \(([\d,.]+) USDC\)")
_NEXT = re.compile(r"next buy in (\d+) seconds?")


@dataclass(frozen=True, slots=True)
class ChainClose:
    time: int  # chain time in seconds
    price: Decimal  # USDC per WETH


@dataclass(frozen=True, slots=True)
class ChainFill:
    """What one mined swap moved, by the transfers in its receipt."""

    block: int
    time: int
    coins: Decimal  # WETH; negative if sold
    quote: Decimal  # USDC that were paid or received


@dataclass(frozen=True, slots=True)
class Look:
    """What the daemon said at a block: the reason of its player, and the side of its trade or nothing."""

    block: int
    time: int
    price: Decimal
    why: str
    side: str


@dataclass(frozen=True, slots=True)
class Holding:
    """What is held of WETH, if anything, and when it was last bought."""

    entry: Decimal | None = None
    opened_at: int = 0
    last_buy: int | None = None


@dataclass(slots=True)
class ChainTruth:
    closes: dict[int, ChainClose] = field(default_factory=dict)  # by block
    fills: list[ChainFill] = field(default_factory=list)  # in the order of the blocks

    def holding(self, block: int) -> Holding:
        """After the fills up to this block."""
        coins = paid = largest = Decimal(0)
        opened_at, last_buy = 0, None
        for fill in self.fills:
            if fill.block > block:
                break
            if fill.coins > 0:
                opened_at = opened_at if coins else fill.time
                coins, paid, last_buy = coins + fill.coins, paid + fill.quote, fill.time
                largest = max(largest, coins)
            else:
                paid, coins = paid * (coins + fill.coins) / coins if coins else paid, coins + fill.coins
                if coins <= largest * CLOSED:
                    coins = paid = largest = Decimal(0)
        return Holding(paid / coins if coins else None, opened_at, last_buy)

    def high(self, since: int, block: int, known: Iterable[int] | None = None) -> Decimal:
        """Highest close from the time `since` to this block; 0 if there is none. `known`: the blocks that count."""
        blocks: Iterable[int] = self.closes if known is None else known
        times = (self.closes[number] for number in blocks if number <= block and number in self.closes)
        return max((close.price for close in times if close.time >= since), default=Decimal(0))

    def wrong(self, look: Look, known: Sequence[int]) -> str | None:
        """What differs from the chain; None if all is right.

        `known`: the blocks whose closes the daemon must have. It may not yet have read others, which were mined
        while it was down.
        """
        held = self.holding(look.block)
        if "not known" in look.why:
            return look.why
        if held.last_buy is not None and (wait := INTERVAL - (look.time - held.last_buy)) > 0:
            if look.side == "buy":
                return f"bought {wait} s too early"
            if (said := _NEXT.search(look.why)) is not None and int(said[1]) != wait:
                return f"{said[0]}, which is {wait}"
        if held.entry is None:
            return None if look.side != "sell" else "sold what is not held"
        least, most = (self.high(held.opened_at, look.block, one) for one in (known, None))
        if look.side == "buy":
            return f"bought below the stop at {STOP * least}" if look.price <= STOP * least else None
        high = _outside("a high", _STOP, look.why, STOP * max(least, look.price), STOP * max(most, look.price))
        if look.side == "sell":  # the half of the condition that does not hold is not said
            return high
        return high or _outside("an entry", _RUIN, look.why, RUIN * held.entry, RUIN * held.entry)


def _outside(name: str, pattern: re.Pattern[str], why: str, least: Decimal, most: Decimal) -> str | None:
    if (said := pattern.search(why)) is None:
        return f"not said, {name}: {why}"
    number = Decimal(said[1].replace(",", ""))
    return None if least - CENT <= number <= most + CENT else f"{name} of {number}, not {least:.2f} to {most:.2f}"


def fill_of(
    block: int, time: int, logs: Iterable[Mapping[str, object]], wallet: str, tokens: Mapping[str, int]
) -> ChainFill | None:
    """The swap in a receipt's logs, by the ERC-20 transfers of WETH and USDC from and to the wallet; None if there is
    none. `tokens`: WETH's and USDC's address, and their decimals."""
    own = wallet.lower().removeprefix("0x").rjust(64, "0")
    moved = dict.fromkeys(tokens, Decimal(0))
    for log in logs:
        token, topics = str(log["address"]).lower(), log["topics"]
        assert isinstance(topics, list)
        if token not in moved or len(topics) != 3 or topics[0] != TRANSFER:
            continue
        amount = Decimal(int(str(log["data"]), 16)).scaleb(-tokens[token])
        moved[token] += amount * ((topics[2][2:].lower() == own) - (topics[1][2:].lower() == own))
    coins, quote = moved.values()
    return ChainFill(block, time, coins, abs(quote)) if coins else None
