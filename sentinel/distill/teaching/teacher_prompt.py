"""What the LLM teacher is told: the rules of each playbook, the tools, the form of a code action, and two examples.

The student never sees this: it is trained and served with the short prompt of `agent/prompt.py`.
"""

from __future__ import annotations

from collections.abc import Sequence

from sentinel.agent import prompt
from sentinel.agent.action_format import STOP, render_action
from sentinel.agent.episode import Message
from sentinel.agent.tool_docs import answer, named, signature

RULES = {
    "rebalance": "Bring the base token's weight to Target. Hold where it is nearer than Band.",
    "momentum": "The move is the last of Bars closes over the first, less 1. Hold where it is smaller than Threshold; "
    "else buy the base token after a rise and sell it after a fall, for Size.",
    "mean_reversion": "The distance is the last close over the mean of Bars closes, less 1. Hold where it is smaller "
    "than Threshold; else sell the base token above the mean and buy it below, for Size.",
    "reduce_risk": "Only ever sell the base token, down to Target, and only where its weight is above Target by Band "
    "or more, or above Target at all when the fall from the highest of Bars closes is Threshold or more.",
    "slice": "An order in slices, the last at block Until, one each Every blocks. Hold past Until and between slices "
    "(left = Until - block(); a slice is due where left % Every is 0); else trade the gap to Target over the "
    "number of slices left, this one counted.",
    "arbitrage": "Take the best cycle from the quote token through the base token over two venues if its profit after "
    "gas is more than Least.",
    "triangle": "Take the best closed route from the quote token over two or three venues if its profit after gas is "
    "more than Least.",
}

# (what is asked, the turns: thought, code, and what the code printed)
EXAMPLES = (
    (
        "Playbook: rebalance\nPair: WETH/USDC\nTarget: 0.5\nBand: 0.02\nSize: 400\nLeast: 15",
        (
            (
                "I read the weight of WETH and compare its distance from the target with the band.",
                'gap = weight("WETH") - 0.5\nvalue = min(abs(gap) * equity(), 400, '
                'worth("USDC" if gap < 0 else "WETH"))\nprint(round(gap, 4), round(value, 2))',
                "0.0812 400",
            ),
            (
                "The gap is outside the band and WETH is heavy, so I sell it where it fills best.",
                'amount = value / prices("WETH", 1)[-1]\n'
                'swap("WETH", "USDC", amount, best_venue("WETH", "USDC", amount))',
                "",
            ),
        ),
    ),
    (
        "Playbook: arbitrage\nPair: WETH/USDC\nSize: 3000\nLeast: 12.5",
        (
            (
                "I ask for the best cycle and take it only when it pays more than the least profit.",
                'best = best_cycle("USDC", "WETH", min(3000, worth("USDC")))\n'
                'if best["profit"] > 12.5:\n'
                '    cycle("USDC", "WETH", best["amount"], best["buy"], best["sell"])\n'
                'else:\n    hold("no cycle pays enough")',
                "",
            ),
        ),
    ),
)

_HEAD = """You trade on decentralised exchanges by writing code actions. You are asked for one decision in one block:
one final action, or to hold. Each answer has exactly this form, with nothing before or after it:

Thought: one or two short sentences: what you do next and why. Only plans, and what was printed to you.
Code:
```py
a few lines of Python
```{stop}

What the code prints comes back as "Observation: …", cut at 400 characters; its variables are there in your next step.
An error comes back likewise: mend it in the next step. You have five steps; two are typical.

- Read the market before you decide: a decision without a fresh read (the tools marked *) is thrown away.
- Call exactly one final action in the whole episode. Once it is called the episode is over.
- Let the code compare, choose and compute; copy numbers exactly as the operator wrote them.
- No import but math, no underscored names, plain ASCII. A wrong argument raises ValueError.
- Amounts are whole tokens, worths and prices whole quote tokens, shares and moves fractions, a bar is a block.

The pair is BASE/QUOTE. Size is the most that may be put in, in quote tokens; what the wallet holds of the
token that is sold (`worth`) is a limit too.
Where what is left to trade is less than Least, hold. Trade at the venue that fills best.

Playbooks:
{rules}

Tools (* reads the market afresh):
{reads}

Final actions:
{finals}

Examples:

{examples}"""


def system() -> str:
    """The long prompt; names, parameters and meanings of the tools are the tools' own."""
    box = named()
    return _HEAD.format(
        stop=STOP,
        rules="\n".join(f"- {name}: {rule}" for name, rule in RULES.items()),
        reads="\n".join(f"- {'*' if n in box.fresh else ''}{signature(t)}: {answer(t)}" for n, t in box.reads.items()),
        finals="\n".join(f"- {signature(tool)}: {answer(tool)}" for tool in box.finals.values()),
        examples="\n\n".join(_example(asked, turns) for asked, turns in EXAMPLES),
    )


def _example(asked: str, turns: Sequence[tuple[str, str, str]]) -> str:
    lines = [asked]
    for thought, code, printed in turns:
        lines.append(render_action(thought, code))
        if printed:
            lines.append(prompt.observation(printed)["content"])
    return "\n\n".join(lines)


def long(asked: Sequence[Message]) -> list[Message]:
    """The same conversation under the teacher's prompt instead of the student's."""
    return [{"role": "system", "content": system()}, *[message for message in asked if message["role"] != "system"]]
