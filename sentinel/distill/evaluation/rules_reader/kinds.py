"""Kinds of orders with a form of their own: arbitrage, weights, parts, everything out."""

from __future__ import annotations

import re
from decimal import Decimal

from sentinel.core.network import Symbol
from sentinel.distill.evaluation.labelled_orders import QUOTE
from sentinel.distill.evaluation.rules_reader.segment import Segment, Stopped
from sentinel.orders.language.answers import Question
from sentinel.orders.typed.actions import Arbitrage, Rebalance, Sell, Share, Way, Worth
from sentinel.orders.typed.expressions import Largest
from sentinel.orders.typed.order import Clause, Slices

BOTH = ("WETH", "WBTC")
_WHOLE = Share(Decimal(1))
_NAME = r"(?:C[A-Z]+|U)"


def arbitrage(words: Segment) -> Clause | None:
    """Buy on one venue, sell on another. Raises Stopped if size or least profit are missing."""
    gap = (
        r"\bARBITRAGE\b|\b(?:buy|BUY) (?:on|at) (?:the )?(?:cheap\w*|low\w*)[^.]* (?:sell|SELL) (?:on|at) (?:the )?"
        r"(?:other|dear\w*|high\w*|expensive)|\b(?:price )?(?:gap|difference|spread) between (?:the )?(?:2 |N\d+ )?"
        r"(?:venues|exchanges|pools|dexes)"
    )
    if not words.search(gap):
        return None
    coins = words.coins() or ([words.coin] if words.coin else [])
    if not coins:
        raise Stopped(Question.COIN)
    least = words.take(
        r"\b(?:at least|more than|over|above|min(?:imum)?(?: profit)?(?: of)?|nets?(?: me)?|makes?|clears?|leaves?"
        r"|earns?|brings?|yields?|pays?|profit(?: is| of)?(?: at least)?|gains?|>=?)(?: (?:at least|more than"
        r"|over|me|of|is|a|least|profit|in))* (?P<p>[PM]\d+|N\d+(?= (?:profit|net|after|U)))"
    ) or words.take(r"(?P<p>[PM]\d+) (?:or more|profit|net|after (?:all )?(?:costs|fees|gas)|in it|left|gain)")
    if least is None:
        raise Stopped(Question.LEVEL)
    size = words.take(r"\b(?P<m>[MN]\d+)\b") or words.take(r"(?P<m>[PF]\d+|ALL)\b")
    if size is None:
        raise Stopped(Question.SIZE)
    profit = words.number(least["p"])
    spent = _WHOLE if size["m"] == "ALL" else Share(words.number(size["m"])) if size["m"][0] in "PF" else None
    if every := words.take(r"\b(?P<e>E\d+)\b"):
        seconds = int(words.number(every["e"]))
    once = words.take(r"\b(?:once|1 time)\b") is not None and not every
    return Clause(
        Arbitrage(
            coins[0], spent or Worth(words.number(size["m"])), Share(profit) if least["p"][0] == "P" else Worth(profit)
        ),
        every=seconds if every else None,
        times=1 if once else None,
    )


def rebalance(words: Segment) -> Clause | None:
    """Weights with a band. Raises Stopped if weights or their coins are missing."""
    said = words.search(r"\bREBALANCE\b|\bW\d+\b") is not None
    if not said and not words.search(
        r"\b(?:keep|hold|maintain|target|aim|stay|want|allocation|allocate|mix|weights?"
        r"|put me back|bring|should be|restore|balance|drift\w*|band|portfolio)\b"
    ):
        return None
    if not said and words.search(r"\b(?:BUY|SELL|STOP|TAKE|TRAIL)\b"):
        return None
    weights = _weights(words)
    if not weights:
        if said:
            raise Stopped(Question.WEIGHTS)
        return None
    band, inclusive = _band(words)
    way = Way.TARGET
    if words.take(
        r"\b(?:only )?(?:half ?way|half of the (?:way|distance|gap|difference)|F\d+ (?:the|of the) (?:way"
        r"|distance|gap|difference)|(?:close )?F\d+ (?:the )?gap)\b"
    ):
        way = Way.HALF
    elif words.take(
        r"\b(?:only )?(?:back )?(?:to|till|until) (?:just )?(?:the )?(?:edge|border|rim|limit|boundary"
        r"|inside|nearest edge)(?: of the band)?(?: only)?"
    ):
        way = Way.EDGE
    alone = (
        words.take(
            r"\b(?:of the pair|of the N\d+|between (?:the pair|them)|ignor\w+ (?:the )?U|without "
            r"(?:the )?U|leaving (?:the )?U (?:out|aside)|(?:not|do not) count\w* (?:the )?U|U (?:aside|excluded"
            r"|does not count|left out)|swap)\b"
        )
        is not None
    )
    names = [name for name, _ in weights]
    if len(names) > 1 and QUOTE not in names and sum(share for _, share in weights) == 1:
        alone = True
    shares = _completed(words, weights, alone=alone)
    every = words.take(r"\b(?:check |look )?(?:at most |no more than )?(?P<e>E\d+)\b")
    words.text = re.sub(r"\b(?:BUY|SELL|SWAP)\b", "_", words.text)
    return Clause(
        Rebalance(shares, band, inclusive, way, alone), every=int(words.number(every["e"])) if every else None
    )


def _weights(words: Segment) -> list[tuple[Symbol, Decimal]]:
    if ratio := words.search(r"\b(?P<w>W\d+)\b"):
        values = words.scanned.weights[ratio["w"]]
        names = [QUOTE if name == "U" else name[1:] for name in re.findall(rf"\b{_NAME}\b", words.text)]
        names = list(dict.fromkeys(names))[: len(values)]
        if len(names) < len(values):
            names += [QUOTE] if QUOTE not in names and len(names) == len(values) - 1 else []
        if len(names) < len(values):
            raise Stopped(Question.WEIGHTS)
        words.take(rf"\b{ratio['w']}\b")
        return list(zip(names, values, strict=True))
    found: list[tuple[Symbol, Decimal]] = []
    for pattern in (
        rf"(?<!by )(?<!than )\b(?P<p>P\d+|F\d+) (?:in |of |into |to |is |my |for |ALL |the |total |everything "
        rf"|portfolio |money |whole )*(?P<c>{_NAME})\b",
        rf"\b(?P<c>{_NAME})(?: (?:at|to|is|should|be|weight|of|share|around|:|=|stay|as|with|near|on|makes? up"
        rf"|position|around))* (?P<p>P\d+)\b",
    ):
        while (at := words.search(pattern)) is not None:
            words.take(pattern)
            name = QUOTE if at["c"] == "U" else at["c"][1:]
            if name not in [one for one, _ in found]:
                found.append((name, words.number(at["p"])))
        if found:
            break
    return found or _bare_weights(words)


def _bare_weights(words: Segment) -> list[tuple[Symbol, Decimal]]:
    """eth 45, btc 25, usdc 30: numbers that add up to 100."""
    pattern = rf"\b(?P<c>{_NAME})(?: (?:at|to|:|=))? (?P<p>N\d+)\b"
    pairs = [
        (QUOTE if at["c"] == "U" else at["c"][1:], words.number(at["p"]) / 100)
        for at in re.finditer(pattern, words.text)
    ]
    if sum(share for _, share in pairs) != 1:
        return []
    words.text = re.sub(pattern, "_", words.text)
    return pairs


def _completed(
    words: Segment, weights: list[tuple[Symbol, Decimal]], *, alone: bool
) -> tuple[tuple[Symbol, Decimal], ...]:
    """With the quote token for what is left, where the words say so."""
    total = sum((share for _, share in weights), Decimal(0))
    names = [name for name, _ in weights]
    if alone and len(names) == 1:
        other = next(coin for coin in BOTH if coin != names[0])
        return (*weights, (other, 1 - total))
    rest = words.take(
        r"\b(?:the )?(?:ALL|rest|remainder|remaining|balance)(?: (?:stays?|in|is|of|it|as|into|goes"
        r"|remains?|should|be|stay|kept))* U\b"
    )
    if total < 1 and QUOTE not in names and not alone and (rest or re.search(r"\bU\b", words.text)):
        return (*weights, (QUOTE, 1 - total))
    if total != 1 and (QUOTE in names or alone):
        raise Stopped(Question.WEIGHTS)
    return tuple(weights)


def _band(words: Segment) -> tuple[Decimal, bool]:
    """How far off, and whether exactly so far counts. Without one, any distance."""
    for pattern in (
        r"(?P<least>\bat least )(?P<p>[PN]\d+)",
        r"(?P<least>)(?:\bmore than|\bover|\bbeyond|\bexceeds?|\babove|\bby|\bpast|\boutside|\bband(?: of| is| :)*"
        r"|\btolerance(?: of| is| :)*|\+ ?/ ?-|±|\bwithin|\bdrifts?|\boff)(?: (?:more than|over|by|the|a|of|band"
        r"|its|their|target|is|plus|minus|or|/))*(?P<after> at least| min(?:imum)?)? (?P<p>[PN]\d+)",
        r"(?P<least>)(?P<p>P\d+)",
    ):
        if (at := words.search(pattern)) is not None:
            after = words.text[at.end() :]
            words.take(pattern)
            value = words.number(at["p"])
            share = value / 100 if at["p"].startswith("N") else value
            exact = bool(
                at["least"] or at.groupdict().get("after") or re.match(r" (?:points )?or more| and more", after)
            )
            return share, exact
    return Decimal(0), False


def parts(words: Segment) -> Slices | None:
    """In N parts over some time, taken out of the words. Raises Stopped if number or time is missing."""
    piece = (
        r"(?:equal |even |same sized? |small |identical )?(?:parts?|pieces?|slices?|chunks?|clips?|tranches?"
        r"|portions?|lots?|trades?|orders?|buys?|sales?|steps?|bits?|installments?)"
    )
    together = words.search(
        r"\b(?:apart|spread\w*|twap|split\w*|evenly|equal\w*)\b|\b(?:in|into|as|over|using|with"
        r"|across) N\d"
    )
    if together is None and words.search(r"\bN\d+ (?:trades|orders|buys|sales)\b"):
        return None  # a number of trades, not of parts
    count = words.take(
        rf"\b(?:in|into|as|over|using|with|split|across)?(?: ?(?:in|into|up|by))? ?"
        rf"(?P<n>N\d+) {piece}\b(?: of [MNQ]\d+(?: each)?)?"
    )
    count = count or words.take(r"\b(?:in|into|as|with) (?P<n>N\d+) (?:equal )?(?:BUY|SELL)\b")
    spread = words.search(
        r"\b(?:spread\w*|split\w*|slice[sd]?|twap|evenly|equal\w*|chunks?|pieces?|work (?:it|them"
        r"|out)|gradually|drip)\b"
    )
    if count is None and spread is None:
        return None
    every = words.take(r"\b(?:1 |one )?(?:each |apiece |a piece )?(?P<e>E\d+)\b") or words.take(
        r"\b(?:1|one|a piece|N\d+) ?(?:piece |part |slice |chunk )?(?P<e>R\d+)\b"
    )
    if every is None:
        every = words.take(r"\b(?P<e>T\d+) apart\b")
    over = words.take(
        r"\b(?:over|across|within|during|through|throughout|in|for)(?: (?:the|a|next|course|of|whole"
        r"|about|an?|period|following|coming|ALL))* (?P<t>[TR]\d+)"
    )
    number = int(words.number(count["n"])) if count else None
    if number is not None and every is not None:
        return Slices(number, number * int(words.number(every["e"])))
    if number is not None and over is not None:
        return Slices(number, int(words.number(over["t"])))
    if every is not None and over is not None:
        span, step = int(words.number(over["t"])), int(words.number(every["e"]))
        return Slices(span // step, span)
    if count is None and every is not None:
        words.text += f" {every['e']}"  # a sum each time
        return None
    raise Stopped(Question.TIME)


def sized_parts(words: Segment) -> Slices | None:
    """A total and the size of a part with its interval: "sell 6 ether, 0.5 every 5 minutes"."""
    found = words.search(
        r"\b(?P<total>[MQN]\d+)\b[^.;]*?(?:,|in|by|at a rate of|:)(?: (?:chunks|pieces|parts|clips"
        r"|lots|slices|portions|of|at|a|time))* (?P<part>[MQN]\d+)(?: (?:at a time|each|chunks|worth|pieces))* "
        r"(?P<e>E\d+)"
    )
    if found is None:
        return None
    total, part = words.number(found["total"]), words.number(found["part"])
    number = total / part
    if number != int(number) or not 2 <= number <= 10_000:
        return None
    words.text = words.text.replace(found["part"], "_").replace(found["e"], "_")
    return Slices(int(number), int(number * words.number(found["e"])))


def everything_out(words: Segment) -> list[Clause] | None:
    """All coins sold, now."""
    out = (
        r"(?:SELL (?:of |out of |out |me )*ALL\b|ALL (?:out|to U|into U|back (?:to|into) U)\b|go (?:fully )?(?:to"
        r"|into) U\b|back to U\b|SELL (?:my )?(?:both|both coins|C[A-Z]+ and C[A-Z]+)\b|into U\b)"
    )
    if not words.search(out) or words.search(r"\b(?:[MNPGQTER]\d+)\b") or words.search(r"\bif\b|\bwhen\b"):
        return None
    coins = words.coins() or list(BOTH)
    if words.search(r"\b(?:biggest|largest|bigger|larger)\b.* first\b"):
        words.text = "_"
        return [Clause(Sell(Largest(BOTH), _WHOLE))]
    words.text = "_"
    return [Clause(Sell(coin, _WHOLE)) for coin in coins]
