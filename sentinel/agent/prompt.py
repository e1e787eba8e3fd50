"""Mandate and view -> a trader's messages. The same code for serving and for training: mismatched renderers ruin a
distillation.

The prompt carries what the operator wants (playbook, pair, numbers) and nothing of the market: every fact must come
from a tool, read at the cycle's block. Nothing in it is text that a chain, a token or a pool may choose.
"""

from __future__ import annotations

from sentinel.agent.playbooks import PLAYBOOKS
from sentinel.core.mandate import Mandate
from sentinel.core.market_state import MarketView
from sentinel.core.network import Symbol

Message = dict[str, str]  # {"role": …, "content": …}, as the chat endpoint takes it

SYSTEM = "You trade on chain. Answer with one thought and one code action."


def messages(view: MarketView, mandate: Mandate, quote: Symbol = "USDC") -> list[Message]:
    """The first request of a trader's episode."""
    lines = [f"Playbook: {mandate.playbook}", f"Pair: {mandate.base}/{quote}"]
    lines += [f"{name}: {number(value)}" for name, value in PLAYBOOKS[mandate.playbook].knobs(mandate, view).items()]
    return [{"role": "system", "content": SYSTEM}, {"role": "user", "content": "\n".join(lines)}]


def of_order(reading: str) -> list[Message]:
    """The first request of an episode for an approved order, or for none."""
    return [{"role": "system", "content": SYSTEM}, {"role": "user", "content": reading or "No order is approved."}]


def observation(text: str) -> Message:
    return {"role": "user", "content": f"Observation: {text}"}


def number(value: float) -> str:
    """Shortest decimal form, never an exponent: 0.55, 500, 0.0025. A float has at most 6 significant digits, a count
    (a block's number) all of its own."""
    if isinstance(value, int):
        return str(value)
    text = f"{float(f'{value:.6g}'):.10f}".rstrip("0").rstrip(".")
    return text or "0"
