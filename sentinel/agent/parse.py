"""Text -> code, or why there is none. Pure, linear in the text's length, and it never raises on any string."""

from __future__ import annotations

from sentinel.agent.form import STOP, THOUGHT
from sentinel.core.actions import Discarded

FENCE = "```"
OPENINGS = ("```py", "```python")
MAX_CODE = 4_000  # characters; five lines are typical


def parse(text: str, index: int = 0) -> str | Discarded:
    """The code of one code action, without its fence. With or without the stop string, which servers strip.

    `Discarded.reason` is one of: empty, text_after_end, no_thought, no_code, no_fence, unclosed, text_after_code,
    many_blocks, empty_code, code_too_long, not_ascii.
    """
    body, stop, after = text.strip().partition(STOP)
    reason, code = _split(body) if not (stop and after.strip()) else ("text_after_end", "")
    return Discarded(index, "parse", reason) if reason else code


def _split(body: str) -> tuple[str, str]:
    if not body.strip():
        return "empty", ""
    if not body.startswith(THOUGHT):
        return "no_thought", ""
    thought, mark, rest = body[len(THOUGHT) :].partition("\nCode:")
    if not mark:
        return "no_code", ""
    if not thought.strip():
        return "no_thought", ""
    fence, newline, block = rest.lstrip().partition("\n")
    if not newline or fence.rstrip() not in OPENINGS:
        return "no_fence", ""
    code, close, tail = block.rpartition(FENCE)
    if not close:
        return "unclosed", ""
    if tail.strip():
        return "text_after_code", ""
    code = code.strip("\n")
    return _fault_of(code), code


def _fault_of(code: str) -> str:
    if FENCE in code:
        return "many_blocks"
    if not code.strip():
        return "empty_code"
    if len(code) > MAX_CODE:
        return "code_too_long"
    # Look-alike letters make names that read like a tool's and are not; control characters forge lines of a log.
    if not all(" " <= c <= "~" or c in "\n\t" for c in code):
        return "not_ascii"
    return ""
