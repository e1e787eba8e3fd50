"""An operator's words -> the messages that ask for their reading. The same code for serving and for training."""

from __future__ import annotations

from sentinel.agent.prompt import Message
from sentinel.core.errors import OperatorError

SYSTEM = "Read the order."
MAX_WORDS = 1_000  # characters of an order in the operator's words


def read_messages(words: str) -> list[Message]:
    """The request for one reading. The answer is a draft (`orders/language/drafts.py`) on one line."""
    return [{"role": "system", "content": SYSTEM}, {"role": "user", "content": one_line_order(words)}]


def one_line_order(words: str) -> str:
    """The words on one line. Raises OperatorError if they are too long, empty or not printable."""
    line = " ".join(words.split())
    if not line:
        raise OperatorError("the order is empty")
    if len(line) > MAX_WORDS:
        raise OperatorError(f"the order has {len(line):,} characters; at most {MAX_WORDS:,} are read")
    if not line.isprintable():
        raise OperatorError("the order holds characters that cannot be printed")
    return line
