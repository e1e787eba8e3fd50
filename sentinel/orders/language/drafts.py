"""A draft: a reading in forms that stay close to what operators say, so that a reader copies and does not compute.

`the high since entry of WETH less 7%` is 93% of it, `50 blocks` is a duration, `58.5k` is a number. A draft means
exactly one reading; the reading, not the draft, is what is shown, approved and kept.
"""

from __future__ import annotations

import re
from decimal import Decimal

from sentinel.core.network import Symbol
from sentinel.orders.language.reading import Reading, render
from sentinel.orders.language.reading_parser import MAX_TEXT, NotRead, parse
from sentinel.orders.language.words import NUMBER, UNITS, duration, each, percent, read_number

BLOCK_SECONDS = 12  # of the labelled orders; a network's own block time takes its place

_DECIDED = ("Ask: ", "Refuse: ")
_COIN = r"(?:the (?:largest|first held) of \S+|the best of \S+ in \S+ \w+|[\w./]+?)"
_PRICE = (
    rf"the (?:entry price|high since entry) of {_COIN}"
    rf"|the (?:mean|highest|lowest) of [\d,]+(?: earlier)? \S+ closes of {_COIN}"
    rf"|the price of {_COIN}(?: [\d,]+ \w+ ago| when the order was set)?"
)
_END = r"(?=[,.)] |[,.)]$| (?:and|or|is|are)\b)"
_SHARE_OF_PRICE = re.compile(rf"({NUMBER})% of ({_PRICE}){_END}")
_OFF_PRICE = re.compile(rf"({_PRICE}) (less|plus) ({NUMBER})%")
_DURATION = re.compile(rf"\b({NUMBER}) ({'|'.join(UNITS)})s?\b")
_BAR = re.compile(rf"\b(\d+)-({'|'.join(UNITS)}) closes")
_BLOCKS = re.compile(rf"\b({NUMBER}) blocks?\b(?! closes)")
_THOUSANDS = re.compile(r"\b(\d+(?:\.\d+)?)k\b")
_COMMAS = re.compile(r"(?<=\d),(?=\d{3}\b)")


def write_draft(reading: Reading, *, blocks: bool = False, block_seconds: int = BLOCK_SECONDS) -> str:
    """The draft of a reading; with `blocks`, each duration that is a whole number of blocks is said in blocks."""
    text = render(reading)
    if text.startswith(_DECIDED):
        return text
    text = _SHARE_OF_PRICE.sub(_off_price, text)
    if blocks:
        text = _BAR.sub(lambda bar: "block closes" if _seconds(bar) == block_seconds else bar.group(), text)
        text = _DURATION.sub(lambda span: _in_blocks(span, block_seconds), text)
    return _COMMAS.sub("", text)


def read_draft(text: str, quote: Symbol, *, block_seconds: int = BLOCK_SECONDS) -> Reading | NotRead:
    """The reading that a draft means, or why it means none. A canonical reading is a draft too. Never raises."""
    if text.startswith(_DECIDED) or len(text) > MAX_TEXT:
        return parse(text, quote)
    text = _THOUSANDS.sub(lambda count: _plain(Decimal(count[1]) * 1_000), text)
    text = text.replace("block closes", f"{each(block_seconds)} closes")
    text = _BLOCKS.sub(lambda count: _of_blocks(count, block_seconds), text)
    text = _OFF_PRICE.sub(_of_price, text)
    return parse(text, quote)


def _off_price(found: re.Match[str]) -> str:
    """93% of X -> X less 7%, where that is shorter to think: from half of X to twice X."""
    share, price = read_number(found[1]) / 100, found[2]
    if not Decimal("0.5") < share < 2 or share == 1:
        return found.group()
    return f"{price} {'less' if share < 1 else 'plus'} {percent(abs(share - 1))}"


def _of_price(found: re.Match[str]) -> str:
    share = read_number(found[3]) / 100
    return f"{percent(1 - share if found[2] == 'less' else 1 + share)} of {found[1]}"


def _seconds(found: re.Match[str]) -> int:
    return int(read_number(found[1])) * UNITS[found[2]]


def _in_blocks(found: re.Match[str], block_seconds: int) -> str:
    count, rest = divmod(_seconds(found), block_seconds)
    return found.group() if rest or not count else f"{count} block{'' if count == 1 else 's'}"


def _of_blocks(found: re.Match[str], block_seconds: int) -> str:
    count = read_number(found[1])
    return duration(int(count) * block_seconds) if count == int(count) and count > 0 else found.group()


def _plain(value: Decimal) -> str:
    return f"{value.normalize():f}"
