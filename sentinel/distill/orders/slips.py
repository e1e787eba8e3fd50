"""What happens to an order on its way to the keyboard: case, full stops, asides and slips of the pen."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

from sentinel.distill.orders.phrase_rules import Role, of_role
from sentinel.distill.orders.phrasing import Allowed

_WORD = re.compile(r"[A-Za-z]{4,}")
_KEPT = re.compile(
    r"(?i)usdc?|w?eth(er(eum)?)?|w?btc|bitcoin|gwei|below|buys?|above|under|over|sells?|less|more|hours?|hourly|days?|"
    r"daily|minutes?|blocks?|weeks?|weekly|percent|grand|dollars|bucks|points?|never|every|each|wait|either|least|most|"
    r"high(est)?|low(est)?|mean|average|swap|dump|exit|stop|once|twice|times|half|quarters?|tenths?|fifths?|eighth|twentieth|hundredth|zero|one|two|three|four|"
    r"five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen|twenty|"
    r"thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred|thousand"
)
_BEFORE_VOWEL = re.compile(r"\b([Aa])(?= (?:8|11|18|8\d|eight|eleven)\b)")
_SHORT = {"please": "pls", "you": "u", "because": "cuz", "with": "w/", "your": "ur", "transaction": "tx"}
_FIRST = ("greeting", "lead-in")  # kinds of asides that stand in front
_LIKELY = {"greeting": 0.05, "otherwise": 0.02}
_NEIGHBOURS = dict(zip("qwertyuiopasdfghjklzxcvbnm", "wertyuiopoasdfghjkjxcvbnmn", strict=True))


def write(
    sentences: Sequence[str], rng: random.Random, allowed: Allowed, *, conditional: bool = False
) -> tuple[str, list[str]]:
    """One line of text, and the ids of the asides in it. `conditional`: there is a case in which nothing is done."""
    parts, rules = _with_asides(list(sentences), rng, allowed, conditional=conditional)
    style = rng.choices(("sentences", "lower", "open", "shouted"), (45, 38, 14, 3))[0]
    if rng.random() < 0.1:
        parts = [_slipped(part, rng) if rng.random() < 0.7 else part for part in parts]
    if rng.random() < 0.08:
        parts = [_shortened(part) for part in parts]
    if style == "sentences":
        text = " ".join(_stopped(_capital(part)) for part in parts)
    else:
        joiner = rng.choice((". ", ". ", ", ", "; ", " and ", ", and ", " + ", " / "))
        text = _joined(parts, joiner)
        text = _capital(text) if style == "open" else text
        text = text.upper() if style == "shouted" else text
    text = _BEFORE_VOWEL.sub(r"\1n", text)
    return re.sub(r"\s+", " ", text).strip(), rules


def _with_asides(
    parts: list[str], rng: random.Random, allowed: Allowed, *, conditional: bool
) -> tuple[list[str], list[str]]:
    rules: list[str] = []
    for table in of_role(Role.BESIDE):
        if table.kind == "otherwise" and not conditional:
            continue
        if rng.random() < _LIKELY.get(table.kind, 0.05):
            weights = [allowed(rule) for rule in table.rules]
            if not any(weights):
                continue
            rule = rng.choices(table.rules, weights)[0]
            rules.append(rule.id)
            if table.kind in _FIRST:
                parts = (
                    [f"{rule.words} {parts[0]}", *parts[1:]]
                    if rule.words.endswith((",", ":"))
                    else [rule.words, *parts]
                )
            elif rule.words.startswith(","):
                parts = [*parts[:-1], parts[-1].rstrip("?!.") + rule.words]
            else:
                parts = [*parts, rule.words]
    return parts, rules


def _joined(parts: Sequence[str], joiner: str) -> str:
    text = parts[0]
    for part in parts[1:]:
        ended = text.endswith(("!", "?", ".", ":", ","))
        text += f" {part}" if ended else f"{joiner}{part}"
    return text


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _stopped(text: str) -> str:
    return text if text.endswith((".", "!", "?", ":", ",")) else f"{text}."


def _shortened(text: str) -> str:
    return " ".join(_SHORT.get(word, word) for word in text.split(" "))


def _slipped(text: str, rng: random.Random) -> str:
    """One word with a letter lost, doubled, swapped or hit beside; never a coin, a unit or a word that decides."""
    words = [found for found in _WORD.finditer(text) if not _KEPT.fullmatch(found.group())]
    if not words:
        return text
    found = rng.choice(words)
    word, at = found.group(), rng.randrange(1, len(found.group()) - 1)
    wrong = rng.choice(
        (
            word[:at] + word[at + 1 :],
            word[:at] + word[at] + word[at:],
            word[:at] + word[at + 1] + word[at] + word[at + 2 :],
            word[:at] + _NEIGHBOURS.get(word[at].lower(), word[at]) + word[at + 1 :],
        )
    )
    return text[: found.start()] + wrong + text[found.end() :]
