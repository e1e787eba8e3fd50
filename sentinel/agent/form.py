"""The written form of one code action; parser, prompt and teacher share it."""

from __future__ import annotations

THOUGHT = "Thought: "
OPEN = "Code:\n```py\n"
CLOSE = "\n```"
STOP = "<end_code>"  # ordinary text, not a special token: the stop string must be able to match


def render_action(thought: str, code: str) -> str:
    return f"{THOUGHT}{thought}\n{OPEN}{code}{CLOSE}{STOP}"
