"""The written form of one code action; parser, prompt, model client and teacher share it.

Thought: <one or two sentences>
Code:
```py
<code>
```<end_code>
"""

from __future__ import annotations

THOUGHT = "Thought: "
OPEN = "Code:\n```py\n"
CLOSE = "\n```"
STOP = "<end_code>"  # ordinary text, not a special token: the stop string must be able to match


def render_action(thought: str, code: str) -> str:
    """One whole assistant turn. `code` may hold neither a fence nor the stop string."""
    return f"{THOUGHT}{thought}\n{OPEN}{code}{CLOSE}{STOP}"


def prefill(first_thought: str) -> str:
    """The partial assistant turn that generation goes on from; empty for none. Templates strip a trailing space."""
    return f"{THOUGHT}{first_thought.strip()}" if first_thought.strip() else ""


def closed(text: str) -> str:
    """The turn as it stands in a conversation: servers strip the stop string, here it ends the text exactly once."""
    return text.split(STOP, 1)[0].rstrip() + STOP
