"""The text form of a code action, shared by whoever writes one, serves one or reads one.

    Thought: <one or two sentences>
    Code:
    ```py
    <code>
    ```<end_code>

`<end_code>` is the stop string of generation: servers strip it, so `closed` puts it back before the text becomes a turn
of the conversation. It is an ordinary token of the student's vocabulary.
"""

from __future__ import annotations

THOUGHT = "Thought:"
CODE = "Code:"
FENCE = "```"
OPEN = "```py"
STOP = "<end_code>"


def render_action(thought: str, code: str) -> str:
    """One whole assistant turn. `code` may hold neither a fence nor the stop string."""
    return f"{THOUGHT} {thought}\n{CODE}\n{OPEN}\n{code}\n{FENCE}{STOP}"


def prefill(first_thought: str) -> str:
    """The partial assistant turn that a generation goes on from. No trailing space: chat templates strip it."""
    return f"{THOUGHT} {first_thought.strip()}" if first_thought.strip() else ""


def closed(text: str) -> str:
    """The turn as it stands in a conversation: ending with the stop string exactly once."""
    return text.split(STOP, 1)[0].rstrip() + STOP
