"""The words that the rule-based reader knows: coins, units of time, actions."""

from __future__ import annotations

from sentinel.core.network import Symbol

COINS: dict[str, Symbol] = {
    **dict.fromkeys(("eth", "ether", "ethers", "ethereum", "weth", "eths"), "WETH"),
    **dict.fromkeys(("btc", "bitcoin", "bitcoins", "wbtc", "xbt", "sats", "btcs"), "WBTC"),
}
OTHER_COINS = frozenset((
    "sol", "solana", "doge", "dogecoin", "ada", "cardano", "xrp", "ripple", "chainlink", "link", "pepe", "shib",
    "shiba", "matic", "polygon", "avax", "avalanche", "bnb", "polkadot", "ltc", "litecoin", "uniswap", "uni",
    "aave", "dai", "usdt", "tether", "steth", "reth", "trx", "tron", "atom", "cosmos", "aptos", "sui", "monero",
    "xmr", "bch", "arbitrum", "optimism", "wif", "bonk", "mkr", "ldo", "crv", "eurc", "gold", "silver", "stocks",
    "nvda", "tesla",
))  # fmt: skip
QUOTE_WORDS = frozenset(
    ("usdc", "usd", "dollar", "dollars", "buck", "bucks", "cash", "stables", "stablecoins", "stablecoin", "stable")
)
TIMES = {  # seconds of one
    **dict.fromkeys(("second", "seconds", "sec", "secs", "s"), 1),
    **dict.fromkeys(("minute", "minutes", "min", "mins", "m"), 60),
    **dict.fromkeys(("hour", "hours", "hr", "hrs", "h"), 3_600),
    **dict.fromkeys(("day", "days", "d"), 86_400),
    **dict.fromkeys(("week", "weeks", "w", "wk", "wks"), 604_800),
    **dict.fromkeys(("block", "blocks"), 12),
}
SIMPLE = (  # replaced in this order, in lower case
    ("\u2019", "'"), ("\u2018", "'"), ("\u2013", "-"), ("\u2014", " , "), ("\u2212", "-"),
    ("≥", ">="), ("≤", "<="), ("->", " , "), ("=>", " , "),
    ("→", " , "), ("&", " and "), ("w/", "with "), ("dollars' ", "dollars "), ("isn't", "is not"), ("don't", "do not"),
    ("doesn't", "does not"), ("won't", "will not"), ("can't", "can not"), ("i'm", "i am"), ("it's", "it is"),
    ("that's", "that is"), ("there's", "there is"), ("i've", "i have"), ("they're", "they are"), ("what's", "what is"),
    ("wrapped ", ""), ("cash out", "sell off"), ("cashing out", "selling off"), (" + ", " ; "), (" = ", " , "),
    ("aren't", "are not"),
    ("wasn't", "was not"), ("twice daily", "twice a day"), ("times daily", "times a day"), ("once daily", "once a day"),
    ("twice weekly", "twice a week"), ("twice hourly", "twice an hour"), (" one is ", " it is "),
    ("the two", "the pair"), ("these two", "the pair"), (" doubles", " gains 100%"), (" doubled", " gained 100%"),
    ("one-hour", "1 hour"), ("one-minute", "1 minute"), ("stop-loss", "stop loss"), ("stoploss", "stop loss"),
    ("take-profit", "take profit"), ("24/7", ""), ("(", " , "), (")", " , "), ("\"", " "), ("“", " "), ("”", " "),
)  # fmt: skip
BEFORE_VERBS = (
    (r"\blimit (buy|sell)\b", r"\1 limit"),
    (r"\b(?:do nothing|nothing|no trades?|do not trade|stay put|wait) unless\b", "only if"),
    (r"\b(?:scale|ease|average|ladder) out of (?:my )?(C[A-Z]+)", r"sell \1"),
    (r"(C[A-Z]+) stack\b", r"\1 bag"),
    (
        r"\b(?:oco|bracket)\b([^.;]*?) ([MN]\d+)(?: on the downside)?(?: (?:and|or|,|/))+ ([MN]\d+)(?: on the upside)?",
        r"stop loss\1 at \2 , take profit at \3",
    ),
    (r"\b(?:ladder|scale|average|ease|work) (?:my way )?into (?:my )?(C[A-Z]+)(?: :)?", r"buy \1"),
    (r"\bflip\b(?=[^.;]* (?:to|into) U)", "sell"),
    (
        r"\b(?:use|take|spend|deploy|put) ((?:[MNPF]\d+|all|everything)(?: of)?(?: my| the)?(?: U)?) to (?:buy|get"
        r"|purchase)\b",
        r"buy \1 of",
    ),
    (r"\b(?:get )?out of (?=everything|all\b|the lot|both)", "sell "),
    (r"\bstop (?:me )?(?:out )?(?:of )?(?=everything|all\b)", "stop loss "),
    (r"\bbetween ([MN]\d+) and ([MN]\d+)", r"at or above \1 and at or below \2"),
    (r"\bget rid of\b|\b(?:work|twap|scale|ease|dca|average) (?:\w+ )?out of\b", "sell"),
    (r"\btwap\b(?= (?:\w+ ){0,4}(?:into|in|to) (?:my )?C)", "buy"),
    (r"(?<=[,;d] )(?:get )?out (?=at|above|below|over|under|when|if)", "sell all "),
    (r"\bthe other F\d+", "all"),
)  # replaced in this order, in scanned text
AFTER_VERBS = (  # each several times, for lists
    (r"(?:SELL the rip|BUY the dip|fade C[A-Z]+) : (?=[^.;]*\b(?:BUY|SELL)\b)", ""),
    (
        r"SELL ((?:(?!BUY|SELL)[^;.,])*?)at ([MN]\d+ or lower) , or at ([MN]\d+ or higher)",
        r"SELL \1at \2 , SELL \1at \3",
    ),
    (r"SELL ((?:(?!BUY|SELL)[^;.,])*?)at (minus P\d+)(?: ,)? or (?:at )?(plus P\d+)", r"SELL \1at \2 , SELL \1at \3"),
    (
        r"SWAP ([MPF]\d+(?: of)?(?: my| the)? U|ALL(?: of)?(?: my)? U|M\d+) (?:to|into|for|over to) (?:my )?(C[A-Z]+)",
        r"BUY \1 into \2",
    ),
    (
        r"SELL ((?:(?!BUY|SELL)[^,;.])*?)at ([MN]\d+) on the downside (?:and|or) (?:at )?([MN]\d+) on the upside",
        r"SELL \1at or below \2 , SELL \1at or above \3",
    ),
    (
        r"SELL ((?:(?!BUY|SELL)[^,;.])*?)(when|if|once) ((?:it |i am |C\w+ )?(?:is )?(?:loses|falls|drops|down) P\d+)"
        r" or ((?:wins|gains|rises|up|makes) P\d+)([^,;.]*)",
        r"SELL \1\2 \3\5 , SELL \1\2 \4\5",
    ),
    (r"SELL (?:ALL )?(?:my )?(C[A-Z]+) and (?:my )?(C[A-Z]+) ((?:if|when|once)[^;.]*)", r"SELL \1 \3 ; SELL \2 \3"),
    (
        r"(BUY\b(?:(?! BUY| SELL)[^.])*?[MNQPF]\d(?:(?! BUY| SELL)[^.])*?(?:[,;:]|and|then) )([MQN]\d+)(?=(?: U)? (?:at"
        r"|if|when|below|under|once) (?:\w+ ){0,3}[MNP]\d)",
        r"\1BUY \2",
    ),
    (
        r"((?:SELL|TAKE|STOP)\b(?:(?! SELL).)*?(?:[,;:]|and|then) )((?:ALL|[FP]\d+)(?: of it| more| of the position"
        r"| that is left| that remains| left)?)"
        r"(?= (?:at|when|if|once) (?:\w+ ){0,3}[MNP]\d)",
        r"\1SELL \2",
    ),
    (r"SELL (C[A-Z]+) [,:] SELL (F\d+|P\d+|ALL)", r"SELL \2 of \1"),
    (r"((?:^|[,;.:]|and|then) )((?:[MP]\d+|F\d+)(?: of(?: my| the)? U)? into(?: my)? C[A-Z]+)", r"\1BUY \2"),
    (r"^ ?(?:please |then )?([MQ]\d+ (?:into|in|of|on|to) C[A-Z]+)", r"BUY \1"),
    (
        r"^((?:(?!\b(?:BUY|SELL|SWAP|STOP|TAKE|TRAIL|REBALANCE|ARBITRAGE)\b).)*E\d+(?: [:,])? )([MQ]\d+"
        r"(?: \w+)* C[A-Z]+\b(?!.*\b(?:BUY|SELL|SWAP|STOP|TAKE|TRAIL|REBALANCE|ARBITRAGE)\b))",
        r"\1BUY \2",
    ),
)
VERBS = (  # in this order; the pattern is matched in scanned text
    (r"\btrailing (?:stop(?: loss)?|sl|sell|exit)\b|\btrail(?:ing|s)?\b", "TRAIL"),
    (r"\bstop loss(?:es)?(?: order)?\b|\bsl\b(?=[ :])|\bstopped out\b|\bstop me out\b|\bstop out\b", "STOP"),
    (r"\b(?:hard |tight )?stop\b(?=(?: is| loss)?(?: ,| :)? (?:at|below|under|if|on (?:my|the|C)|of|P\d|M\d|N\d|@))"
    r"|(?<=P\d )stop\b", "STOP"),
    (r"\b(?:take|taking|book|lock in|bank)(?: some| the| my)? (?:profits?|gains?)\b|\btp\b(?=[ :])"
     r"|\bprofit target\b", "TAKE"),
    (r"\btarget(?: price)?(?=(?: is)?(?: :)? (?:at |of |@ ?)?[MN]\d)|\btarget(?= P\d+ (?:above|over|profit|gain"
    r"|up))", "TAKE"),
    (r"\bre ?balanc(?:e|es|ed|ing)\b", "REBALANCE"),
    (r"\barb(?:itrage|itraging|s|ing)?\b", "ARBITRAGE"),
    (r"\b(?:swap|convert|exchange|rotate|switch|trade)\b(?= (?:\w+ ){0,4}(?:for|to|into|with|against) "
     r"(?:\w+ ){0,2}C)", "SWAP"),
    (r"\b(?:stop|quit) (?:buying|selling|trading)\b", "cease"),
    (r"\b(?:limit )?buy order\b|\bbids?\b|\b(?:limit )?(?:buy(?:ing)?|(?<!N\d )(?<!N\d\d )buys)\b(?! ?"
    r"(?:price|in\b))|(?<!N\d )\bpurchas(?:e|es|ing)\b(?! price)", "BUY"),
    (r"\b(?:grab|get(?=(?: \w+){0,2} (?:[MNQPF]\d|all|C[A-Z]|everything))|acquire|accumulate|invest|spend|dca|add"
    r"|scoop(?: up)?|snag|nab|catch|throw(?= (?:\w+ ){1,4}(?:at|into|in) C)|(?<!my )(?<!the )(?<!whole )stack|pick up"
    r"|load up on|ape)\b(?! "
    r"(?:me )?(?:out|down|to\b|above|below|under|over|more than))", "BUY"),
    (r"\bput\b(?= (?:\w+ ){0,5}(?:into|in|on|to work|toward|towards))", "BUY"),
    (r"\b(?:move|convert|use|deploy)\b(?= (?:[MNPF]\d+|all) (?:\w+ ){0,4}(?:into|to|in|on|for) (?:\w+ ){0,2}C)", "BUY"),
    (r"\b(?:get me out|get out|bail out|bail|cash(?:ing)? out|close out|close|exit|liquidate|dump|offload|unload"
    r"|flatten|ditch|shed|let go|dispose)\b(?: of\b)?", "SELL"),
    (r"\b(?:limit )?sell(?:s|ing)?(?: (?:order|off|out))?\b|\bsale\b|\bcash it in\b", "SELL"),
    (r"\b(?:cut|reduce|halve|trim|lighten)\b(?= (?:\w+ ){1,4}(?:in|by) (?:[FP]\d))", "SELL"),
    (r"\b(?:everything|the whole (?:lot|thing|stack|bag|pile|position|amount)|the lot"
    r"|the whole|whole|entire|entirety"
    r"|the full|full position|complete(?:ly)?|all of|all|the rest|rest of|the remainder|remainder"
    r"|the remaining)\b(?! (?:the )?(?:portfolio|money|wallet|account|value|total|holdings|assets|net worth"
    r"|i have|i own|book|time|times|day|in all|together|combined))", "ALL"),
)  # fmt: skip
