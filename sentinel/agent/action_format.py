"""The text form of one code action. Parser, prompt, model client and teacher share it.

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
STOP = "<end_code>"  # ordinary text and no special token, so that the server's stop string matches it


def render_action(thought: str, code: str) -> str:
    """One complete assistant turn. `code` must contain neither a fence nor the stop string."""
    return f"{THOUGHT}{thought}\n{OPEN}{code}{CLOSE}{STOP}"


def prefill(first_thought: str) -> str:
    """The start of an assistant turn that the model continues, or empty. Chat templates strip a trailing space."""
    return f"{THOUGHT}{first_thought.strip()}" if first_thought.strip() else ""


def closed(text: str) -> str:
    """The turn as a conversation contains it, ended by exactly one stop string. Servers strip that string."""
    return text.split(STOP, 1)[0].rstrip() + STOP
