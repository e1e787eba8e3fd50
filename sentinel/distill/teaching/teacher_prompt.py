"""What an LLM teacher is told: the language of readings and the tools of programs, both by examples.

The student never sees this: it is trained and served with the short prompts of `agent/read_prompt.py` and
`agent/trade_prompt.py`. The examples are generated orders of the training split.
"""

from __future__ import annotations

import functools
from typing import Any

from sentinel.agent.order_program import program
from sentinel.agent.order_tools import OrderTools
from sentinel.agent.prompt import Message
from sentinel.agent.tool_docs import answer, signature
from sentinel.distill.evaluation.labelled_orders import QUOTE
from sentinel.distill.orders.dataset import Row, rows
from sentinel.distill.orders.split import Split
from sentinel.orders.language.answers import Question, Refusal
from sentinel.orders.language.reading import render
from sentinel.orders.typed.order import Order

EXAMPLES, DRAWN, SEED = 40, 400, 90_001  # rows that are shown, of so many that are drawn

_READ = """An operator says in words what a trading program is to do with {quote}, WETH and WBTC. Write what the words
mean as one line in a fixed language, which the examples below show. Answer with that line alone. Copy numbers exactly.

If what is said does not decide a trade, answer with one of these questions: {questions}
If an order as a whole cannot be carried out, answer with one of these refusals: {refusals}

Examples:

{examples}"""

_TRADE = """You write a short Python program that carries out an order at each block. The program runs from its first
line to its last; an action trades only if it is due and possible, and the first trade ends the program. Answer with the
code alone, in a block that begins with ```py and ends with ```.

Numbers with a decimal point are exact decimals; `pct(5)` is 0.05; `seconds(n)`, `minutes(n)`, `hours(n)` and `days(n)`
are durations. Amounts are numbers of {quote}, or a text such as "2 WETH", "50%" or "all".

Reads:
{reads}

Actions, which take the modifiers every=, times=, parts= with over=, rearm=True, until= and lasting=:
{actions}

For all actions:
{limits}

Examples:

{examples}"""


def read_request(text: str) -> list[Message]:
    """The request for a draft of the reading of `text`."""
    return [{"role": "system", "content": _read_system()}, {"role": "user", "content": text}]


def program_request(order: Order) -> list[Message]:
    """The request for a program of `order`."""
    return [{"role": "system", "content": _program_system()}, {"role": "user", "content": render(order)}]


@functools.cache
def examples() -> tuple[Row, ...]:
    """Rows that between them have as many kinds of clauses as possible."""
    chosen: list[Row] = []
    known: set[str] = set()
    drawn = list(rows(Split.TRAIN, DRAWN, SEED))
    for row in sorted(drawn, key=lambda row: len(row.text)):
        if not known.issuperset(row.kinds) and len(chosen) < EXAMPLES:
            known.update(row.kinds)
            chosen.append(row)
    return tuple(chosen)


@functools.cache
def _read_system() -> str:
    return _READ.format(
        quote=QUOTE,
        questions="; ".join(f"Ask: {question}" for question in Question),
        refusals="; ".join(f"Refuse: {refusal}" for refusal in Refusal),
        examples="\n\n".join(f"{row.text}\n{row.draft}" for row in examples()),
    )


@functools.cache
def _program_system() -> str:
    nothing: Any = None
    box = OrderTools(nothing, QUOTE, frozenset(), nothing)

    def listed(*tools: Any) -> str:
        return "\n".join(f"- {signature(tool)}: {answer(tool)}" for tool in tools)

    orders = [row.reading for row in examples() if isinstance(row.reading, Order)]
    return _TRADE.format(
        quote=QUOTE,
        reads=listed(*(tool for name, tool in box.reads.items() if name not in ("limits", "only"))),
        actions=listed(*box.acting, box.wait),
        limits=listed(box.limits, box.only),
        examples="\n\n".join(f"{render(order)}\n```py\n{program(order)}\n```" for order in orders),
    )
