"""Patterns of words in which people say levels, directions and references."""

from __future__ import annotations

BLOCK, MINUTE = 12, 60  # seconds
LEVEL = (
    r"(?:the )?(?:price |level |mark |value )?(?:of )?(?P<level>[MN]\d+)(?: (?:level|mark|apiece|a piece|each"
    r"|per coin|a coin))?"
)
BELOW = r"(?:below|under|beneath|underneath|sub|less than|lower than|cheaper than|south of|<)"
ABOVE = (
    r"(?:above|over|past|more than|higher than|beyond|greater than|north of|exceeds?|clears?|tops?|crosses|breaks|>)"
)
FALLS = (
    r"(?:drops?|falls?|dips?|down|comes down|goes down|gets down|sinks?|slides?|slips?|declines?|crashes|tumbles?"
    r"|retreats?|dives?)"
)
RISES = r"(?:rises?|climbs?|up|goes up|gets up|jumps?|rally|rallies|pumps?|rips|runs up|grows?|recovers?)"
AT = r"(?:at|@|hits?|touch(?:es)?|reach(?:es)?|limit(?: :)?|is|gets to|goes to|prints|sees|:)"
HIGH = r"(?:(?<!fresh )(?<!new )high(?:est)?(?: point| price| value)?|peak|top|ath|high water mark|maximum)"
ENTRY = (
    r"(?:(?:my |the )?(?:average |avg |mean )?(?:entry|cost|buy(?:ing)?|purchase|buy in)(?: price| basis| point)?"
    r"|(?:what|where) i (?:have )?(?:paid|bought|got in)(?: it| them| in| for it)?(?: at| for)?|i paid|my average"
    r"(?: price)?|break ?even|average price)"
)
NOW = (
    r"(?:from|than|below|above|under|over|since|of|against) (?:here|now|the current|current|today's|where it is"
    r"|this price"
    r"|the price now)|when (?:this|the|my) order (?:is|was) (?:set|given|placed)|since (?:this|the) order"
)
MEAN = r"(?:moving average|average|mean|avg|sma|ma)"
DOWN = (
    r"below|under|beneath|down|drop\w*|fall\w*|fell|lose[sd]?|loss|lost|losing|lower|less|off|dips?|dipped|declin\w*"
    r"|sinks?|"
    r"slid\w*|crash\w*|tank\w*|red|cheaper|discount|dump\w*|plung\w*|slip\w*|retreat\w*|pulls? back|gives? back|back"
    r"|minus|"
    r"underwater|water|weak\w*|STOP|stoploss|dives?|stop"
)
UP = (
    r"above|over|up|rises?|rose|risen|rising|gain\w*|profit\w*|higher|more|climb\w*|jump\w*|rall\w+|pump\w*|green|plus|"
    r"exceed\w*|grow\w*|grown|increas\w*|ahead|surg\w*|spik\w*|rips?|ripped|moon\w*|win|wins|won|TAKE|takeprofit|target"
)
SIDELESS = (
    r"\b(?:more|less|higher|lower|over|under|above|below) than (?=[PMN]\d)|\bat least\b|\bover (?=P\d)|\bor (?:more"
    r"|better|so)\b|\b(?:over|in|within|during|for) (?:the )?(?:last |past |previous )?T\d+|\bSELL\b|\bBUY\b"
    r"|\bup to\b"
)
