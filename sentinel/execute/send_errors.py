"""What a node's answer to eth_sendRawTransaction means: the one table. None of it says whether the bytes took effect.

Wordings of geth, Erigon, Nethermind, Besu, Reth and Anvil. An answer in no row is `UNKNOWN`, as is no answer.
"""

from __future__ import annotations

from enum import StrEnum

from sentinel.errors import RpcError


class Answer(StrEnum):
    SENT = "sent"
    KNOWN = "known"  # the node has these very bytes
    NONCE_USED = "nonce_used"  # something of this nonce is mined; receipts tell what
    UNDERPRICED = "underpriced"  # another transaction of this nonce offers more, or nearly as much
    NO_FUNDS = "no_funds"
    UNKNOWN = "unknown"
    HELD = "held"  # nothing was sent: the way of this intent's first bytes is not there


BEST_FIRST = tuple(Answer)  # of several endpoints' answers the first of these counts


_TABLE: tuple[tuple[str, Answer], ...] = (
    ("already known", Answer.KNOWN),
    ("already imported", Answer.KNOWN),
    ("alreadyknown", Answer.KNOWN),
    ("known transaction", Answer.KNOWN),
    ("nonce too low", Answer.NONCE_USED),
    ("nonce is too low", Answer.NONCE_USED),
    ("oldnonce", Answer.NONCE_USED),
    ("underpriced", Answer.UNDERPRICED),
    ("insufficient funds", Answer.NO_FUNDS),
    ("insufficientfunds", Answer.NO_FUNDS),
)


def classify(error: RpcError) -> Answer:
    if error.code is None:  # no well-formed reply: whatever its text is, it is not the node's judgement
        return Answer.UNKNOWN
    text = str(error).lower()
    return next((answer for wording, answer in _TABLE if wording in text), Answer.UNKNOWN)
