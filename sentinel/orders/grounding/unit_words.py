"""The words of units, times and counts in operators' orders."""

from __future__ import annotations

from sentinel.orders.grounding.number_words import word_set

MINUTE, HOUR, DAY = 60, 3_600, 86_400
SECONDS = {
    name: seconds
    for names, seconds in (
        ("second seconds sec secs s", 1),
        ("minute minutes min mins m", MINUTE),
        ("hour hours hr hrs h", HOUR),
        ("day days d", DAY),
        ("week weeks wk wks w", 7 * DAY),
        ("fortnight fortnights", 14 * DAY),
        ("month months", 30 * DAY),
    )
    for name in names.split()
}
SHORT_UNITS = word_set("s m h d w")  # only right behind the number
ADVERBS = {"hourly": HOUR, "daily": DAY, "weekly": 7 * DAY, "fortnightly": 14 * DAY, "monthly": 30 * DAY}
SINGULAR = {name: length for name, length in SECONDS.items() if not name.endswith("s") and len(name) > 1}
EVERY = word_set("every each per")
SPAN = word_set("next last past previous coming following")
PERCENT = word_set("% percent percents pct perc")
POINTS = word_set("point points pt pts pp")
COUNTED = word_set(
    """
    bar bars batch batches bite bites buys candle candles chunk chunks clip clips closes fills installment
    installments instalment instalments lot lots orders part parts period periods piece pieces portion portions
    purchase purchases sale sales sells slice slices step steps tick ticks time times trades tranche tranches x \u00d7
    """
)
MULTIPLES = {"twice": 2, "thrice": 3, "once": 1}
FACTORS = {"double": 2, "doubles": 2, "doubled": 2, "triple": 3, "triples": 3, "tripled": 3}
INDICATORS = word_set("rsi ma sma ema avg")  # RSI14
OWN = word_set("my the your our its a an this wrapped")
MORE = word_set("more whole full another additional wrapped")
MONEY_SIGNS = word_set("$ usdc usd")
