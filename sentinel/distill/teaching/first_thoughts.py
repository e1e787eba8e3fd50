"""First thoughts of an LLM teacher: the first paragraph of its chain-of-thought answer begins the agent's step 1.

It is a prefill of the generation and part of the training data. It must state a plan and no fact: a thought with a
number or a price is refused, because a thought that asserts a fact keeps the agent from reading the market.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from sentinel.agent.action_format import OPEN, STOP, THOUGHT
from sentinel.agent.episode import Message

MOST = 400  # characters
FACT = re.compile(
    r"[0-9$€£¥%]|\b(?:hundred|thousand|million|billion|percent|per cent|basis points?|bps)s?\b", re.IGNORECASE
)

SYSTEM = """You are a careful trader on decentralised exchanges. You are shown what an operator asks for.
Think step by step about how to do it. In the first paragraph say in one or two sentences, in the first person, what you
will measure and what will decide between acting and waiting. You have not seen the market yet: state a plan, and
neither a number nor a price nor anything about the market as if you knew it. Reason on in later paragraphs."""


def messages(asked: Sequence[Message]) -> list[Message]:
    """The chain-of-thought request for the agent's prompt `asked`."""
    return [{"role": "system", "content": SYSTEM}, *[message for message in asked if message["role"] != "system"]]


def first_thought(answer: str) -> str:
    """The first paragraph of `answer` on one line; empty if the answer is empty."""
    paragraph = answer.strip().removeprefix(THOUGHT.strip()).strip().split("\n\n", 1)[0]
    return " ".join(paragraph.split())


def refusal(thought: str) -> str | None:
    """The reason why `thought` may not begin a step; None if it may."""
    if not thought:
        return "is empty"
    if FACT.search(thought):
        return "states a number"
    if len(thought) > MOST:
        return "is too long"
    if not thought.isascii() or not thought.isprintable() or STOP in thought or "```" in thought or OPEN[:5] in thought:
        return "is not plain text"
    return None
