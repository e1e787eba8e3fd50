"""The words by which operators name sides, references and limits. Stems, so that inflected forms count."""

from __future__ import annotations

import re
from enum import Enum

# Verbs that leave no doubt about the side.
SALE = re.compile(r"\b(?:sell|sells|selling|(?<!% )dump(?! of| in|s)|unload|offload|liquidate|exit)\b", re.IGNORECASE)
PURCHASE = re.compile(
    r"\b(?:buy|buys|purchase|accumulate|bid|grab|add|scoop|snag)\b(?! price| back price|-in|ing power)", re.IGNORECASE
)


class Term(Enum):
    """The value is what a complaint calls it."""

    BUY = "buying"
    SELL = "selling"
    SWAP = "swapping one coin for another"
    ALL = "all of it"
    GAS = "gas"
    COST = "costs"
    ENTRY = "an entry price"
    HIGH = "a high or a trailing stop"
    MEAN = "an average"
    TOP = "a highest price"
    BOTTOM = "a lowest price"
    RSI = "an RSI"
    BEST = "the coin that did best"
    LARGEST = "the largest holding"
    ARBITRAGE = "an arbitrage"
    RESERVE = "what is kept"
    DAY = "a day"
    HALF_WAY = "half the distance"
    EDGE = "the edge of the band"
    EVENLY = "equal shares"
    IN_A_ROW = "closes in a row"
    ROUND = "a doubled or halved price"
    STANDING = "that it stands"
    ONCE = "just once"
    NO_SALE = "no sale"

    def stands_in(self, text: str) -> bool:
        if self is Term.NO_SALE:
            return not Term.SELL.stands_in(text)
        if _PATTERNS[self].search(text) is not None:
            return True
        return self in _SPELLED and any(_letters(word) in _SPELLED[self] for word in _LONG_WORD.findall(text))

    def places(self, text: str) -> list[int]:
        """Where it begins, each time."""
        return [] if self is Term.NO_SALE else [found.start() for found in _PATTERNS[self].finditer(text)]


_STEMS: dict[Term, str] = {
    Term.BUY: r"""buy\w* bid\w* get(?!\ (?:rid|out)) gets grab\w* add adds adding accumulat\w*
        average\ in\w* averaging dca\w* purchas\w* pick\w* put puts putting goes\ in go\ in\w* all\ in invest\w*
        load\w* scoop\w* enter\w* spend\w* stack\w* acquir\w* deploy\w* snag\w* ap(?:e|ing) snap\w* nibbl\w* top\ up
        chas\w* allocat\w* limit have fade\w* revert\w* reversion use throw\w* want acquire build\w*
        take\ (?:on|the)
        (?:into|to|for|in)\ (?:my\ |some\ |more\ |the\ )?(?:w?eth\w*|w?btc|bitcoins?|whichever|coins?|crypto|it)""",
    Term.SELL: r"""sell\w* sold sale\w* dump\w* exit\w* out close oco list risk\w* offer\w* flip\w*
        ask\w* fade\w* revert\w* reversion my\ \w+\ goes liquidat\w* (?:take|taking)[\ -]profits? tp stop\w* sl cut\w*
        trim\w* unload\w* offload\w* reduc\w* rid flatten\w* trail\w* bracket\w* lighten\w* scal\w* shed\w* ditch\w*
        bail\w* let\ (?:[^.,;]{1,25}\ )?go wind\w* releas\w* reali[sz]\w* lock\w* bank protect\w* skim\w* shave\w*
        take\ [^.,;]{1,25}\ (?:off|out) cash\ in
        (?:into|to|for|in)\ (?:my\ |the\ )?(?:usdc|usd|cash|dollars?|bucks|stable\w*)""",
    Term.SWAP: r"""swap\w* convert\w* turn\w* exchang\w* rotat\w* mov\w* switch\w* shift\w* chang\w*
        trade\w* flip\w* into for""",
    Term.ALL: r"""every\ (?:dollar|cent|usdc|coin|bit) all whole entire\w* everything full\w*
        complete\w* rest remain\w* left 100 bag total\w* every\ last lot flat position holding\w* stack""",
    Term.GAS: r"gas gwei",
    Term.COST: r"cost\w* fee\w* gas slippage charg\w*",
    Term.ENTRY: r"""entry entries paid pay cost\w* basis bought break\w*even average\ price my\ price
        position profit gain gains loss losses lost losing lose stop\w* tp sl take up down bracket\w* underwater \+
        - plus minus in\ the\ green in\ the\ red""",
    Term.HIGH: r"""high\w* peak\w* trail\w* top\w* maxim\w* drawdown retrac\w* pull\w*back best since
        summit follow\w* up gain\w* break\w*even gives\ back""",
    Term.MEAN: r"average\w* avg mean\w* ma sma moving",
    Term.TOP: r"""high\w* top\w* range\w* peak\w* max\w* break\w* above resistance channel upper ceiling
        everything record fresh swings? bottom""",
    Term.BOTTOM: r"""low\w* bottom\w* range\w* trough\w* min\w* break\w* below support channel floor
        everything record fresh dip\w* swings? top""",
    Term.RSI: r"rsi rsi\d+ oversold overbought relative\ strength",
    Term.BEST: r"""winner\w* stronger strongest strength whichever best better leader\w* leads?
        outperform\w* more most faster fastest momentum hotter hottest ahead which""",
    Term.LARGEST: r"larg\w* big\w* main most heav\w* fattest first",
    Term.ARBITRAGE: r"""arb arbs arbitrag\w* venue\w* spread\w* dex\w* mispric\w* gap\w* round\w* pools?
        cheap\w* dear difference\w* discrepanc\w* exchanges""",
    Term.RESERVE: r"""keep\w* reserv\w* leav\w* untouched aside never always least below under beneath
        hold\w* cushion buffer floor minimum min spare retain\w* remain\w* stay\w* left hands\ off off\ limits
        need\w* save not don't dont""",
    Term.DAY: r"day days daily today 24 24h",
    Term.HALF_WAY: r"half\w* midway 50",
    Term.EDGE: r"edge\w* border\w* boundar\w* band\w* limit\w* just back\ inside rim",
    Term.EVENLY: r"equal\w* even\w* half halves 50 thirds? same split parity",
    Term.IN_A_ROW: r"""row consecutive\w* straight running successive\w* closes? closing bars? candles? each
        last newest prints? ticks? blocks? times streak""",
    Term.STANDING: r"""whenever every each keep\w* never always max as\ long\ as while any\ time anytime
        until hourly daily weekly constantly continuously all\ day stay\w* hold\w*""",
    Term.ONCE: r"once one\ time single one-off",
    Term.ROUND: r"doubl\w* twice halv\w* half",
}


def _pattern(stems: str) -> re.Pattern[str]:
    words = [stem.replace("\0", r"\ ") for stem in stems.replace(r"\ ", "\0").split()]
    return re.compile("|".join(rf"(?<!\w)(?:{word})(?!\w)" for word in words), re.IGNORECASE)


_PATTERNS = {term: _pattern(stems) for term, stems in _STEMS.items()}


# ------------------------------------------------------------ misspelt verbs

_LONG_WORD = re.compile(r"[A-Za-z]{4,}")


def _letters(word: str) -> str:
    """Equal for words that differ by a swap inside or a doubled letter: 'dump' and 'Duump', 'sell' and 'slel'."""
    lower = word.lower()
    return lower[0] + "".join(sorted(set(lower[1:])))


_SPELLED = {
    Term.BUY: frozenset(map(_letters, ("purchase", "grab", "scoop", "spend", "invest", "accumulate", "acquire"))),
    Term.SELL: frozenset(map(_letters, ("sell", "dump", "unload", "offload", "liquidate", "close", "exit"))),
}
