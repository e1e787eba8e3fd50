"""Parse a sample's text into its code, or say why it has none.

Pure, linear in the length of the text, and without an error for any string.
"""

from __future__ import annotations

from sentinel.agent.action_format import STOP, THOUGHT
from sentinel.core.actions import Discarded, DiscardReason, Stage

FENCE = "```"
OPENINGS = ("```py", "```python")
MAX_CODE = 4_000  # characters; five lines are typical


def parse(text: str, index: int = 0) -> str | Discarded:
    """The code of a code action without its fence, or the discard. Servers strip the stop string, so it is optional."""
    body, stop, after = text.strip().partition(STOP)
    reason, code = _split(body) if not (stop and after.strip()) else (DiscardReason.TEXT_AFTER_END, "")
    return Discarded(index, Stage.PARSE, reason) if reason is not None else code


def _split(body: str) -> tuple[DiscardReason | None, str]:
    if not body.strip():
        return DiscardReason.EMPTY, ""
    if not body.startswith(THOUGHT):
        return DiscardReason.NO_THOUGHT, ""
    thought, mark, rest = body[len(THOUGHT) :].partition("\nCode:")
    if not mark:
        return DiscardReason.NO_CODE, ""
    if not thought.strip():
        return DiscardReason.NO_THOUGHT, ""
    fence, newline, block = rest.lstrip().partition("\n")
    if not newline or fence.rstrip() not in OPENINGS:
        return DiscardReason.NO_FENCE, ""
    code, close, tail = block.rpartition(FENCE)
    if not close:
        return DiscardReason.UNCLOSED, ""
    if tail.strip():
        return DiscardReason.TEXT_AFTER_CODE, ""
    code = code.strip("\n")
    return _fault_of(code), code


def _fault_of(code: str) -> DiscardReason | None:
    if FENCE in code:
        return DiscardReason.MANY_BLOCKS
    if not code.strip():
        return DiscardReason.EMPTY_CODE
    if len(code) > MAX_CODE:
        return DiscardReason.CODE_TOO_LONG
    # Look-alike letters could imitate a tool's name, and control characters could forge log lines.
    if not all(" " <= c <= "~" or c in "\n\t" for c in code):
        return DiscardReason.NOT_ASCII
    return None
