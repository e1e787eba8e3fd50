"""What a node's answer to eth_sendRawTransaction means: the one table. None of it says whether the bytes took effect.

Wordings of geth, Erigon, Nethermind, Besu, Reth and Anvil. An answer in no row is `UNKNOWN`, as is no answer.
"""

from __future__ import annotations

import re
from enum import StrEnum

from sentinel.core.errors import RpcError


class Answer(StrEnum):
    SENT = "sent"
    KNOWN = "known"  # the node has these very bytes
    NONCE_USED = "nonce_used"  # something of this nonce is mined; receipts tell what
    UNDERPRICED = "underpriced"  # too little: for the node, or beside another transaction of this nonce
    NO_FUNDS = "no_funds"
    UNKNOWN = "unknown"
    HELD = "held"  # nothing was sent: there is no endpoint, or none by the way that this intent began


BEST_FIRST = tuple(Answer)  # of several endpoints' answers the first of these counts

# Words that stand alone: "unknown transaction type" is no known transaction.
_TABLE: tuple[tuple[str, Answer], ...] = (
    ("already known", Answer.KNOWN),  # geth, Reth, Erigon, Nethermind
    ("already imported", Answer.KNOWN),  # Anvil
    ("AlreadyKnown", Answer.KNOWN),  # Nethermind before it took geth's phrases
    ("known transaction", Answer.KNOWN),  # Besu
    ("existing txn? with same hash", Answer.KNOWN),  # Erigon
    ("nonce (is )?too low", Answer.NONCE_USED),  # all of them; Besu over its gateway with "is"
    ("OldNonce", Answer.NONCE_USED),  # Nethermind, earlier
    ("underpriced", Answer.UNDERPRICED),  # geth, Reth, Nethermind, Besu, Anvil
    ("could not replace existing tx", Answer.UNDERPRICED),  # Erigon
    ("fee too low", Answer.UNDERPRICED),  # Erigon
    ("gas price below configured minimum", Answer.UNDERPRICED),  # Besu
    ("gas tip cap .*minimum needed", Answer.UNDERPRICED),  # geth, beside its "transaction underpriced"
    ("max fee per gas less than block base fee", Answer.UNDERPRICED),  # geth and Reth where they simulate
    ("FeeTooLow(ToCompete)?|ReplacementNotAllowed|OwnNonceAlreadyUsed", Answer.UNDERPRICED),  # Nethermind, earlier
    ("insufficient funds", Answer.NO_FUNDS),  # geth, Reth, Erigon, Nethermind, Anvil
    ("InsufficientFunds", Answer.NO_FUNDS),  # Nethermind, earlier
    ("upfront cost exceeds account balance", Answer.NO_FUNDS),  # Besu
)
_ROWS = tuple((re.compile(rf"\b(?:{wording})\b", re.IGNORECASE), answer) for wording, answer in _TABLE)


def classify(error: RpcError) -> Answer:
    if error.code is None:  # no well-formed reply: whatever its text is, it is not the node's judgement
        return Answer.UNKNOWN
    text = str(error)
    return next((answer for wording, answer in _ROWS if wording.search(text)), Answer.UNKNOWN)
