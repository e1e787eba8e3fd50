"""The oracle as analyst: a full one with five steps, and a fast one whose short step the student learns.

Both are deterministic. The full one reads the long history, the risk of every token, the depth of the venues, the
position and the memory. It names the first regime that fits:
- thin: the venues take less than the size within 1 %;
- stress: volatility or fall exceeds the operator's number, or another token has fallen three times as far;
- up or down: the quick average is away from the slow one by more than the operator's number, the whole move agrees, and
  the strength index is not at its end;
- range: everything else.

The fast one uses only the averages, the volatility and the fall of its own token. The rest seldom changes the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sentinel.agent.action_format import render_action
from sentinel.core.actions import Finish, Sample

Lines = Mapping[str, str]  # the prompt's lines by name
Step = Callable[[Lines, str, str], tuple[str, str]]  # lines, base, quote -> thought, code

FULL: tuple[Step, ...] = (
    lambda p, base, quote: (
        f"I begin with the long history of {base}: how far it has moved over three spans, where its quick average "
        "stands against its slow one, how far it is from its time-weighted mean, and how strong its last moves were.",
        f'p = prices("{base}", 60)\n'
        "moves = [p[-1] / p[max(0, len(p) - span)] - 1 for span in (15, 30, 60)]\n"
        f'cross = ema("{base}", 12) / sma("{base}", 48) - 1\n'
        f'off = p[-1] / twap("{base}", 60) - 1\n'
        f'strength = rsi("{base}", 14)\n'
        "print([round(move, 5) for move in moves], round(cross, 5), round(off, 5), round(strength, 1))",
    ),
    lambda p, base, quote: (
        f"Next I measure risk: how much {base} swings over a short and a long span, how far it has fallen from its "
        "high, its largest single move, and how far each other token has fallen, since trouble spreads.",
        f'short, swing = volatility("{base}", 15), volatility("{base}", 60)\n'
        f'fall = drawdown("{base}", 60)\n'
        f'jump = max([abs(change) for change in returns("{base}", 60)])\n'
        f'others = [token for token in inventory() if token != "{base}" and token != "{quote}"]\n'
        "falls = [drawdown(token, 60) for token in others]\n"
        "print(round(short, 6), round(swing, 6), round(fall, 5), round(jump, 5), [round(one, 5) for one in falls])",
    ),
    lambda p, base, quote: (
        "Then I ask what the venues would take: the depth of each within one percent, which of them fills the size "
        "best and at what impact, whether a split or another route is better, and what gas costs.",
        f'labels = venues("{base}", "{quote}")\n'
        f'takes = sum([depth("{base}", "{quote}", label, 100) for label in labels]) * p[-1]\n'
        f"amount = {p['Size']} / p[-1]\n"
        f'where = best_venue("{base}", "{quote}", amount)\n'
        f'cost = impact("{base}", "{quote}", amount, where)\n'
        f'gets = [quote("{base}", "{quote}", amount, where), best_route("{base}", "{quote}", amount)["out"]]\n'
        f'ways = best_split("{base}", "{quote}", amount)\n'
        "print(labels, round(takes), where, round(cost, 2), len(ways), round(max(gets), 2), round(gas_cost(), 3))",
    ),
    lambda p, base, quote: (
        f"I also look at where the wallet stands and at what is remembered: its share of {base} against the standing "
        "one, the past windows most like this one and what followed them, and how own trades went.",
        f'held, standing = weight("{base}"), target("{base}")\n'
        f'free = balance("{quote}")\n'
        f'ahead = [one["return_after"] for one in similar(5, "{base}")]\n'
        "drift = sum(ahead) / len(ahead) if ahead else 0\n"
        'won = sum([one["pnl"] for one in recall(5)])\n'
        f"print(block(), held, standing, round(equity(), 2), round(free, 2), round(drift, 5), round(won, 2))",
    ),
    lambda p, base, quote: (
        "Now I weigh it all. A thin market is left alone, stress comes before any trend, and a trend counts only "
        "where the whole move confirms it and it has not run too far; the more signs agree, the surer I am.",
        f"thin = takes < {p['Size']}\n"
        f"wild = swing > {p['Swing']} or fall > {p['Fall']} or max(falls + [0]) > 3 * {p['Fall']}\n"
        f"rising = cross > {p['Trend']} and moves[2] > 0 and strength < 90\n"
        f"falling = cross < -{p['Trend']} and moves[2] < 0 and strength > 10\n"
        'regime = "thin" if thin else "stress" if wild else "up" if rising else "down" if falling else "range"\n'
        "signs = [move > 0 for move in moves] + [cross > 0, off > 0, strength > 50]\n"
        "agree = max(sum(signs), len(signs) - sum(signs)) / len(signs)\n"
        "sure = 0.9 if thin or wild else round(0.5 + 0.4 * agree, 2)\n"
        f'view(lean("{base}", regime), regime, sure)',
    ),
)

FAST: tuple[Step, ...] = (
    lambda p, base, quote: (
        f"I read {base}.",
        f'm = ema("{base}", 12) / sma("{base}", 48) - 1\n'
        f'wild = volatility("{base}", 60) > {p["Swing"]} or drawdown("{base}", 60) > {p["Fall"]}\n'
        f'r = "stress" if wild else "up" if m > {p["Trend"]} else "down" if m < -{p["Trend"]} else "range"\n'
        f'view(lean("{base}", r), r, 0.7)',
    ),
)


@dataclass(frozen=True, slots=True)
class OracleAnalyst:
    """A Sampler for an analyst's episode. Its answer depends only on the conversation."""

    steps: Sequence[Step]
    source: str = "oracle"

    async def sample(
        self, messages: Sequence[Mapping[str, str]], n: int, prefill: str, *, after: int = 0
    ) -> list[Sample]:
        lines = dict(line.split(": ", 1) for line in messages[1]["content"].splitlines() if ": " in line)
        base, _, quote = lines["Pair"].partition("/")
        steps_done = sum(message["role"] == "assistant" for message in messages)
        text = render_action(*self.steps[min(steps_done, len(self.steps) - 1)](lines, base, quote))
        return [Sample(0, index, text, 0, Finish.STOP) for index in range(n)]
