"""An approved order -> the messages that ask a server at a URL for a code action.

The prompt carries the order's reading and nothing of the market: every fact must come from a tool, read at the cycle's
block. Nothing in it is text that a chain, a token or a pool may choose.
"""

from __future__ import annotations

Message = dict[str, str]  # {"role": …, "content": …}, as the chat endpoint takes it

SYSTEM = "You trade on chain. Answer with one thought and one code action."


def of_order(reading: str) -> list[Message]:
    """The first request of an episode for an approved order, or for none."""
    return [{"role": "system", "content": SYSTEM}, {"role": "user", "content": reading or "No order is approved."}]


def observation(text: str) -> Message:
    return {"role": "user", "content": f"Observation: {text}"}
