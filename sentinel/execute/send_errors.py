"""The table that classifies nodes' answers to eth_sendRawTransaction. No answer says that the bytes took effect.

It holds the wordings of geth, Erigon, Nethermind, Besu, Reth and Anvil. An answer that matches no row, or no answer at
all, is `UNKNOWN`.
"""

from __future__ import annotations

import re
from enum import StrEnum

from sentinel.core.errors import RpcError


class Answer(StrEnum):
    SENT = "sent"
    KNOWN = "known"  # the node already has these bytes
    NONCE_USED = "nonce_used"  # a transaction with this nonce is mined; receipts show which
    UNDERPRICED = "underpriced"  # below the node's minimum, or too low to replace a transaction of this nonce
    NO_FUNDS = "no_funds"
    UNKNOWN = "unknown"
    HELD = "held"  # nothing was sent: there is no endpoint, or not the relay that the intent began with


BEST_FIRST = tuple(Answer)  # if endpoints differ, the answer that comes first here counts

# Matched at word boundaries, because "unknown transaction type" does not mean a known transaction.
_TABLE: tuple[tuple[str, Answer], ...] = (
    ("already known", Answer.KNOWN),  # geth, Reth, Erigon, Nethermind
    ("already imported", Answer.KNOWN),  # Anvil
    ("AlreadyKnown", Answer.KNOWN),  # Nethermind before it adopted geth's wordings
    ("known transaction", Answer.KNOWN),  # Besu
    ("existing txn? with same hash", Answer.KNOWN),  # Erigon
    ("nonce (is )?too low", Answer.NONCE_USED),  # all clients; Besu's gateway adds "is"
    ("OldNonce", Answer.NONCE_USED),  # Nethermind, old versions
    ("underpriced", Answer.UNDERPRICED),  # geth, Reth, Nethermind, Besu, Anvil
    ("could not replace existing tx", Answer.UNDERPRICED),  # Erigon
    ("fee too low", Answer.UNDERPRICED),  # Erigon
    ("gas price below configured minimum", Answer.UNDERPRICED),  # Besu
    ("gas tip cap .*minimum needed", Answer.UNDERPRICED),  # geth, together with "transaction underpriced"
    ("max fee per gas less than block base fee", Answer.UNDERPRICED),  # geth and Reth when they simulate
    ("FeeTooLow(ToCompete)?|ReplacementNotAllowed|OwnNonceAlreadyUsed", Answer.UNDERPRICED),  # Nethermind, old versions
    ("insufficient funds", Answer.NO_FUNDS),  # geth, Reth, Erigon, Nethermind, Anvil
    ("InsufficientFunds", Answer.NO_FUNDS),  # Nethermind, old versions
    ("upfront cost exceeds account balance", Answer.NO_FUNDS),  # Besu
)
_ROWS = tuple((re.compile(rf"\b(?:{wording})\b", re.IGNORECASE), answer) for wording, answer in _TABLE)


def classify(error: RpcError) -> Answer:
    """The meaning of the error, by its wording; UNKNOWN if no row matches."""
    if error.code is None:  # no well-formed reply, so the text is not the node's
        return Answer.UNKNOWN
    text = str(error)
    return next((answer for wording, answer in _ROWS if wording.search(text)), Answer.UNKNOWN)
