"""The oracle: a deterministic solver that serves as teacher and writes thoughts and code actions like a student.

It reads the same prompt as a student, and its code runs in the same sandbox with the same tools, so sizes come from the
exact AMM arithmetic of the tools. Its samples name `oracle` as their source, so they are never taken for a language
model's. The code does all comparisons, choices and arithmetic; the thoughts only repeat short parts of the prompt and
the observation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from sentinel.agent.action_format import render_action
from sentinel.agent.playbooks import PLAYBOOKS
from sentinel.core.actions import Finish, Sample
from sentinel.core.errors import OperatorError

Lines = Mapping[str, str]  # the prompt's lines by name

FIRST_CODE: dict[str, Callable[[Lines, str, str], str]] = {
    "rebalance": lambda p, base, quote: (
        f'gap = weight("{base}") - {p["Target"]}\n'
        f'size = min(abs(gap) * equity(), {p["Size"]}, worth("{quote}" if gap < 0 else "{base}"))\n'
        f'side = "hold" if abs(gap) < {p["Band"]} or size < {p["Least"]} else "sell" if gap > 0 else "buy"\n'
        f"print(side, round(size, 2))"
    ),
    "momentum": lambda p, base, quote: (
        f'p = prices("{base}", {p["Bars"]})\n'
        f"move = p[-1] / p[0] - 1\n"
        f'size = min({p["Size"]}, worth("{quote}" if move > 0 else "{base}"))\n'
        f'side = "hold" if abs(move) < {p["Threshold"]} or size < {p["Least"]} else "buy" if move > 0 else "sell"\n'
        f"print(side, round(size, 2))"
    ),
    "arbitrage": lambda p, base, quote: (
        f'best = best_cycle("{quote}", "{base}", min({p["Size"]}, worth("{quote}")))\n'
        f'side = "cycle" if best["profit"] > {p["Least"]} else "hold"\n'
        f'print(side, round(best["profit"], 2))'
    ),
    "triangle": lambda p, base, quote: (
        f'best = best_loop("{quote}", min({p["Size"]}, worth("{quote}")))\n'
        f'side = "route" if best["profit"] > {p["Least"]} else "hold"\n'
        f'print(side, round(best["profit"], 2))'
    ),
    "mean_reversion": lambda p, base, quote: (
        f'p = prices("{base}", {p["Bars"]})\n'
        f"off = p[-1] / (sum(p) / len(p)) - 1\n"
        f'size = min({p["Size"]}, worth("{quote}" if off < 0 else "{base}"))\n'
        f'side = "hold" if abs(off) < {p["Threshold"]} or size < {p["Least"]} else "sell" if off > 0 else "buy"\n'
        f"print(side, round(size, 2))"
    ),
    "reduce_risk": lambda p, base, quote: (
        f'gap = weight("{base}") - {p["Target"]}\n'
        f'p = prices("{base}", {p["Bars"]})\n'
        f"fall = 1 - p[-1] / max(p)\n"
        f'size = min(gap * equity(), {p["Size"]}, worth("{base}"))\n'
        f"calm = gap < {p['Band']} and fall < {p['Threshold']}\n"
        f'side = "hold" if calm or size < {p["Least"]} else "sell"\n'
        f"print(side, round(size, 2))"
    ),
    "slice": lambda p, base, quote: (
        f"left = {p['Until']} - block()\n"
        f'gap = weight("{base}") - {p["Target"]}\n'
        f"part = abs(gap) * equity() / (max(left, 0) // {p['Every']} + 1)\n"
        f'size = min(part, {p["Size"]}, worth("{quote}" if gap < 0 else "{base}"))\n'
        f"wait = left < 0 or left % {p['Every']} > 0\n"
        f'side = "hold" if wait or size < {p["Least"]} else "sell" if gap > 0 else "buy"\n'
        f"print(side, round(size, 2))"
    ),
}

LAST: dict[str, Callable[[str, str], tuple[str, str]]] = {
    "buy": lambda base, quote: (
        f"The code says buy, so I buy {base} where it fills best.",
        f'swap("{quote}", "{base}", size, best_venue("{quote}", "{base}", size))',
    ),
    "sell": lambda base, quote: (
        f"The code says sell, so I sell {base} where it fills best.",
        (
            f'amount = size / prices("{base}", 1)[-1]\n'
            f'swap("{base}", "{quote}", amount, best_venue("{base}", "{quote}", amount))'
        ),
    ),
    "cycle": lambda base, quote: (
        f"The cycle through {base} pays, so I take it in one transaction.",
        f'cycle("{quote}", "{base}", best["amount"], best["buy"], best["sell"])',
    ),
    "route": lambda base, quote: (
        "The loop pays, so I take it in one transaction.",
        'route(best["tokens"], best["amount"], best["venues"])',
    ),
    "hold": lambda base, quote: ("The code says hold, so I wait.", 'hold("nothing to do")'),
}


class OracleModel:
    """A sampler that replaces the student in an episode. It is deterministic: its n samples are equal."""

    source = "oracle"

    async def sample(
        self, messages: Sequence[Mapping[str, str]], n: int, prefill: str, *, after: int = 0
    ) -> list[Sample]:
        """n equal samples. A `prefill` other than the playbook's first thought is the operator's and replaces it."""
        text = next_action(messages)
        if prefill and not text.startswith(prefill):
            text = prefill + text[text.index("\nCode:") :]
        return [Sample(0, index, text, 0, Finish.STOP) for index in range(n)]


def next_action(messages: Sequence[Mapping[str, str]]) -> str:
    """The oracle's next assistant turn, thought and code. `messages` begin with the prompt of `agent/prompt.py`."""
    prompt = read_prompt(messages[1]["content"])
    base, _, quote = prompt["Pair"].partition("/")
    if len(messages) == 2:
        playbook = prompt["Playbook"]
        thought = PLAYBOOKS[playbook].plan.format(base=base)
        return render_action(thought, FIRST_CODE[playbook](prompt, base, quote))
    side = messages[-1]["content"].removeprefix("Observation: ").split(" ", 1)[0].strip()
    return render_action(*LAST.get(side, LAST["hold"])(base, quote))


def read_prompt(content: str) -> dict[str, str]:
    """'Playbook: rebalance\\nPair: …' -> {'Playbook': 'rebalance', …}. Raises OperatorError for an unknown playbook."""
    lines = dict(line.split(": ", 1) for line in content.splitlines() if ": " in line)
    if lines.get("Playbook") not in FIRST_CODE:
        raise OperatorError(f"the oracle has no playbook {lines.get('Playbook')!r}; it knows {', '.join(FIRST_CODE)}")
    return lines
