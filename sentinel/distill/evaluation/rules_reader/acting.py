"""The action of a stretch of words: side, amount and coin."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

from sentinel.core.network import Symbol
from sentinel.distill.evaluation.rules_reader.segment import Segment, Stopped
from sentinel.orders.language.answers import Question
from sentinel.orders.typed.actions import Action, Amount, Buy, Coins, Exchange, Sell, Share, Worth
from sentinel.orders.typed.expressions import Best, Coin, Largest

VERB = r"\b(?:BUY|SELL|SWAP|STOP|TAKE|TRAIL)\b"
_FILL = (
    r"(?:(?:me|some|up|for|of|in|into|on|my|the|with|about|exactly|another|more|it|them|worth|just|only|off|out|back"
    r"|now|then|from|a|"
    r"please|total|at once|immediately|right|away|over|to|position|holding|whichever|:|,|C[A-Z]+|U|each time|again"
    r"|additional|further|extra) )"
)
SHARE = (  # of a holding: what follows says so
    r"P\d+(?= ?(?:of|at|when|if|once|whenever|while|into|in|on|my|the|from|out|and|worth|as|each|every|at once|C[A-Z]"
    r"|U\b|E\d|_|"
    r"[,;.:]|$))"
)
AMOUNT = (
    rf"(?P<amount>[MNQF]\d+|{SHARE}|ALL|(?:the |that )?same(?: amount| size| sum| again)?\b|that (?:much"
    rf"|amount)|as much)"
)
BEST = (
    r"(?:which ?ever(?: coin| token| one| 1)?|the (?:1|one|coin|token)|(?:the )?(?:strong\w+|best|better|lead\w+"
    r"|winn\w+|fast\w+)"
    r"(?: performer| performing)?|the outperformer)"
)
LARGEST = (
    r"(?:(?:the |my )?(?:bigger|biggest|larger|largest)(?: (?:of|position|holding|one|coin|bag|1))*|whichever is "
    r"(?:bigger|larger|worth more)|whichever i (?:have|hold|own) more of)"
)

_AMOUNT_OF_BUY = (
    r"\b(?:for|with|worth|size|amount|of|:) (?P<amount>[MQ]\d+|F\d+|ALL|P\d+ of)(?: (?:each"
    r"|every) time)?(?= ?(?:$|[.,;]|_|C[A-Z]+|U|it|my|the|of))"
)
_LEVELS = ("below", "under", "above", "at", "over", "than", "to", "hits", "reaches", "touches")
_NO_LEVEL = "".join(f"(?<!{word} )" for word in _LEVELS)

SOME = (
    r"\b(?:some|a bit|a little|part of|a part|a portion|a few|few|a small|small amount|the usual|an amount|a chunk"
    r"|a piece)\b"
)


@dataclass(frozen=True, slots=True)
class Acting:
    action: Action
    whole: bool  # it leaves nothing to be traded again


def acting(words: Segment, before: Amount | None) -> Acting:
    """The action, which is taken out of the words. `before`: the amount of the action before. Raises Stopped."""
    verb = words.search(VERB)
    if verb is None:
        raise Stopped(Question.SIDE)
    if verb.group() == "SWAP":
        return _swap(words)
    buys = verb.group() == "BUY"
    coin_at = verb.start()
    best = _choice(words)
    words.best = best if isinstance(best, Best) else None
    amount_at = _amount(words, buys=buys)
    if amount_at is None:
        if words.search(SOME):
            raise Stopped(Question.SIZE)
        if buys:
            raise Stopped(Question.SIZE)
        coin = best or _coin(words, coin_at, verb.end())
        return Acting(Sell(coin, Share(Decimal(1))), whole=True)
    token, end = amount_at
    text = words.text
    coin = best or _coin(words, coin_at, end)
    amount = _sized(words, token, coin, before, buys=buys, after=text[end:])
    if token.startswith("Q"):
        coin = words.scanned.coins[token]
    words.text = re.sub(rf"\b{token}\b", f"C{coin}" if token.startswith("Q") else "_", text, count=1)
    action = Buy(coin, amount) if buys else Sell(coin, amount)
    return Acting(action, whole=not buys and amount == Share(Decimal(1)))


def _amount(words: Segment, *, buys: bool) -> tuple[str, int] | None:
    """The token of the amount and where it ends."""
    sides = "BUY" if buys else "SELL|STOP|TAKE|TRAIL"
    found = words.search(rf"\b(?:{sides}) {_FILL}{{0,7}}?{AMOUNT}")
    if found is not None and not buys and not words.search(r"\bSELL\b") and found["amount"][0] not in "AFQ":
        found = None  # of a stop or a target it is the distance
    if found is None and buys:
        found = words.search(_AMOUNT_OF_BUY) or words.search(rf"{_NO_LEVEL}\b(?P<amount>[MQ]\d+)")
    elif found is None:
        found = words.search(r"\b(?P<amount>ALL|F\d+|Q\d+|P\d+ of (?:it|the|my|C))\b")
    if found is None:
        return None
    token = found["amount"].split(" ")[0] if found["amount"][1:2].isdigit() else found["amount"]
    return token, found.start("amount") + len(token)


def _sized(words: Segment, token: str, coin: Coin, before: Amount | None, *, buys: bool, after: str) -> Amount:
    mark = token[0]
    if token == "ALL":
        return Share(Decimal(1))
    if mark in "PF" and token[1:].isdigit():
        return Share(words.number(token))
    if mark == "M":
        return Worth(words.number(token))
    if mark == "Q":
        return Coins(words.number(token))
    if mark == "N":
        number = words.number(token)
        coins = isinstance(coin, str) and number < 20 and not re.match(r" ?(?:worth|U)\b", after)
        return Coins(number) if coins else Worth(number)
    if before is None:
        raise Stopped(Question.SIZE)
    return before


def _coin(words: Segment, start: int, end: int) -> Coin:
    """The coin that stands after the amount, or inside, or that "it" is. Raises Stopped."""
    after = re.match(
        r" (?:(?:worth|of|in|into|on|from|off|my|the|it|to|toward|towards|for|position|at once|now"
        r"|total|whole|:) ){0,4}C(?P<coin>[A-Z]+)",
        words.text[end:],
    )
    if after is not None:
        return after["coin"]
    inside = re.findall(r"C([A-Z]+)\b", words.text[start:end])
    if inside:
        return str(inside[0])
    if re.match(r" (?:of )?(?:it|them|that)\b", words.text[end:]) or words.coin is None:
        return words.coin_before(end)
    coins = words.coins()
    return coins[0] if len(coins) == 1 else words.coin_before(end)


def _choice(words: Segment) -> Coin | None:
    """The best over some time, the largest or the first held of several coins."""
    pair = r"C[A-Z]+(?: (?:or|and|vs|versus|,|/) C[A-Z]+)+|(?:the )?(?:pair|N\d+|both)(?: coins)?"
    found = words.take(
        rf"\b{BEST}(?: of| out of| between| from)?(?: the)?(?: (?P<pair>{pair}))?(?: (?:that|which|has|have|was|is"
        rf"|did|had|went|did best|moved|gained|rose|up|more|most|the|performed|climbed|better|best|over|in|during"
        rf"|stronger|by|outperformed|,))* (?:the )?(?:last |past |previous )*(?P<t>T\d+)(?: ago)?"
    )
    if found is not None:
        coins = tuple(dict.fromkeys(re.findall(r"C([A-Z]+)", found["pair"] or ""))) or ("WETH", "WBTC")
        return Best(coins, int(words.number(found["t"]))) if len(coins) > 1 else None
    if words.search(r"\bT\d+\b") and (
        words.take(r"\bthe (?:best|strongest|leader|winner|better|stronger)(?: one| 1| of (?:the )?(?:pair|both))?\b")
    ):
        span = words.take(r"\b(?:over |in |within )?(?:the )?(?:last |past )?(?P<t>T\d+)")
        coins = tuple(words.coins()) if len(words.coins()) > 1 else ("WETH", "WBTC")
        return Best(coins, int(words.number(span["t"]))) if span is not None else None
    found = words.take(rf"\b{LARGEST}(?: of| between)?(?: (?P<pair>{pair}))?")
    if found is not None:
        coins = tuple(dict.fromkeys(re.findall(r"C([A-Z]+)", found["pair"] or ""))) or ("WETH", "WBTC")
        words.text = words.text.replace("_", "ALL", 1) if words.search(r"SELL (?:of |all )?_") else words.text
        return Largest(coins) if len(coins) > 1 else None
    return None


def _swap(words: Segment) -> Acting:
    """SWAP amount of A for B, or A for amount of B. Raises Stopped."""
    found = words.take(
        rf"\bSWAP {_FILL}{{0,4}}?(?P<amount>[MNQPF]\d+|ALL)?(?: (?:of|worth|my|the|in|from) ?)*(?: ?C(?P<a>[A-Z]+))?"
        rf"(?: \w+){{0,2}}? (?:for|to|into|with|against) (?:my |the )?(?:C(?P<b>[A-Z]+)|(?P<u>U))"
    )
    if found is None:
        raise Stopped(Question.SIZE)
    token = found["amount"]
    sold = words.scanned.coins[token] if token and token.startswith("Q") else found["a"]
    if sold is None or found["b"] is None:
        raise Stopped(Question.COIN)
    if token is None:
        raise Stopped(Question.SIZE)
    amount = _sized(words, token, sold, None, buys=False, after="")
    return Acting(Exchange(sold, Symbol(found["b"]), amount), whole=amount == Share(Decimal(1)))
