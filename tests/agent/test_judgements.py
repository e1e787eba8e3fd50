"""Judgement clauses: the student answers a phrase for each sample, and its programs act on their own answers.

The sampler is a double: the teacher's programs, and a list of answers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import pytest

from sentinel.agent.action_format import render_action
from sentinel.agent.approve_prompt import SYSTEM as APPROVING
from sentinel.agent.judge_prompt import SYSTEM
from sentinel.agent.kept_programs import SEEDS
from sentinel.agent.order_program import program
from sentinel.agent.order_trader import OrderTrader
from sentinel.agent.sandbox import Sandbox
from sentinel.core.actions import Finish, HoldAction, Sample, Swap
from sentinel.core.errors import ModelUnavailable
from sentinel.dex.building.action_builder import ActionBuilder
from tests.agent.doubles import VIEW
from tests.agent.test_order_program_trader import World, at
from tests.agent.test_order_trader import MARKET, NET, QUOTER
from tests.orders.taught_sampler import TaughtSampler

SHAKY = 'If it is judged that "it looks shaky", sell all of WETH, once.'
CAREFUL = (
    'If the price of WETH is above 1,900 USDC and not (it is judged that "it looks shaky"), '
    "buy 500 USDC worth of WETH, once."
)


@dataclass
class Judge(TaughtSampler):
    answers: Sequence[str] = ()
    approvals: Sequence[str] = ()  # programs that approve for the order
    requests: list[tuple[Sequence[Mapping[str, str]], int]] = field(default_factory=list)  # messages, after

    async def sample(
        self, messages: Sequence[Mapping[str, str]], n: int, prefill: str, *, after: int = 0
    ) -> list[Sample]:
        if messages[0]["content"] == APPROVING:
            return [Sample(0, i, render_action("x", code), 1, Finish.STOP) for i, code in enumerate(self.approvals[:n])]
        if messages[0]["content"] != SYSTEM:
            return await super().sample(messages, n, prefill, after=after)
        self.requests.append((messages, after))
        if not self.answers:
            raise ModelUnavailable("down")
        return [Sample(0, index, text, 1, Finish.STOP) for index, text in enumerate(self.answers[:n])]


async def test_each_sample_acts_on_its_own_answer(sandbox: Sandbox) -> None:
    """Yes sells; anything else, and no answer at all, is no. The record has the answers."""
    judge = Judge(answers=("yes", "No.", " YES, very", "maybe yes"))
    proposal = await World(SHAKY, judge).trader(sandbox).propose(MARKET, VIEW, 6)
    assert [type(one.action) for one in proposal.candidates] == [Swap, HoldAction, Swap, *[HoldAction] * 3]
    assert proposal.judged == {"it looks shaky": (True, False, True, False, False, False)}
    ((messages, after),) = judge.requests
    assert after == MARKET.head.number * SEEDS
    said = messages[-1]["content"]
    assert said.startswith('Is it so that "it looks shaky"?\nMarket: ')
    assert "WETH 2,000.00 USDC" in said
    assert said.endswith("\nAnswer yes or no.")


async def test_a_student_that_does_not_answer_has_said_no(sandbox: Sandbox) -> None:
    """Then a purchase that a yes would forbid is still bounded by all else."""
    proposal = await World(SHAKY, Judge()).trader(sandbox).propose(MARKET, VIEW, 3)
    assert [type(one.action) for one in proposal.candidates] == [HoldAction] * 3
    assert proposal.judged == {"it looks shaky": (False,) * 3}


async def test_the_student_is_not_asked_where_its_answer_changes_nothing(sandbox: Sandbox) -> None:
    """And is asked anew at each block where it does, although its programs are kept."""
    judge = Judge(answers=("no", "yes"))
    trader = World(CAREFUL, judge).trader(sandbox, every=100)
    low = await trader.propose(at(10, 1_850.0), VIEW, 2)
    assert (len(judge.requests), low.judged) == (0, {})
    assert [type(one.action) for one in low.candidates] == [HoldAction] * 2
    for block in (11, 12):
        proposal = await trader.propose(at(block), VIEW, 2)
        assert [type(one.action) for one in proposal.candidates] == [Swap, HoldAction]
    assert [after for _, after in judge.requests] == [11 * SEEDS, 12 * SEEDS]
    assert len(judge.asked) == 1  # for programs


async def test_more_samples_bring_their_own_answers(sandbox: Sandbox) -> None:
    judge = Judge(answers=("yes", "no"))
    trader = World(SHAKY, judge).trader(sandbox)
    proposal = await trader.propose(MARKET, VIEW, 2)
    judge.answers = ("no", "yes", "yes")
    proposal = await trader.more(MARKET, VIEW, proposal, 3)
    assert proposal.judged == {"it looks shaky": (True, False, False, True, True)}
    assert [type(one.action) for one in proposal.candidates] == [Swap, HoldAction, HoldAction, Swap, Swap]
    assert [after - MARKET.head.number * SEEDS for _, after in judge.requests] == [0, 2]


@pytest.mark.parametrize("phrase", ["it looks fine", "it looks shaky'", "", 'x"; import os'])
async def test_a_program_asks_only_what_the_order_has_judged(sandbox: Sandbox, phrase: str) -> None:
    """Another phrase is a fault of that sample alone."""
    code = f"Thought: x\nCode:\n```py\nif judge({phrase!r}): sell('WETH', 'all')\n```<|end|>"
    judge = Judge(answers=("yes", "yes"), others=(code,))
    proposal = await World(SHAKY, judge).trader(sandbox).propose(MARKET, VIEW, 2)
    assert [one.index for one in proposal.discarded] == [0]
    assert [type(one.action) for one in proposal.candidates] == [Swap]


async def test_the_oracle_holds_where_the_student_alone_decides() -> None:
    """And says so; other clauses go on."""
    world = World(SHAKY, Judge())
    assert program(world.order) == 'if judge("it looks shaky"): sell("WETH", "all", times=1)'
    proposal = await OrderTrader(world.play, QUOTER, ActionBuilder(NET)).propose(MARKET, VIEW, 1)
    assert proposal.candidates[0].action == HoldAction('the student alone judges whether "it looks shaky"')
    both = replace(world, reading=f"{SHAKY} If the price of WETH is below 2,100 USDC, sell 50% of WETH, once.")
    assert both.play(MARKET).is_exit
    waits = replace(world, reading=SHAKY.replace("sell all of WETH, once", "wait") + " Sell 50% of WETH, once.")
    assert waits.play(MARKET).trade is not None
    assert not waits.play(MARKET).is_exit  # if it is judged so, the order waits
