"""Lessons: for each kind of student, its prompt in a state and the oracle's trajectory there.

| kind | prompt | taught |
|---|---|---|
| cot | the mandate and the raw state | one turn: a computation in words, then the action with its numbers |
| cot_tools | the mandate and the results of the oracle's tool calls | the same |
| agent | the mandate | code that measures, its output, code that acts |
| ftp | the mandate | the same, after a first thought that states the plan |
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lab.swapbench import facts, reasons
from lab.swapbench.mandate_texts import MandateText, write
from lab.swapbench.posed_states import LOOKBACK, PosedState
from sentinel.agent import prompt
from sentinel.agent.action_format import closed, render_action
from sentinel.agent.episode import play
from sentinel.agent.oracle import FIRST_CODE, LAST
from sentinel.agent.playbooks import PLAYBOOKS
from sentinel.agent.prompt import Message
from sentinel.agent.sandbox import Sandbox
from sentinel.agent.tools import Toolbox
from sentinel.core.actions import Action, Finish, Sample, Swap
from sentinel.core.trajectory import Trajectory, Turn
from sentinel.dex.building.action_builder import ActionBuilder
from sentinel.dex.quoting.quoter import DexQuoter

KINDS = ("cot", "cot_tools", "agent", "ftp")
FIRST_LOOK = "I look at the market first."  # thought of an agent without a plan
SLIPPAGE_BPS = 50  # the default of the arena's builder


@dataclass(frozen=True, slots=True)
class Lesson:
    """A state as it is posed to one kind of student."""

    posed: PosedState
    kind: str

    @property
    def uses_tools(self) -> bool:
        return self.kind in ("agent", "ftp")

    @property
    def order(self) -> MandateText:
        return write(self.posed.scenario.mandate, self.posed.scenario.view, self.posed.id)

    def box(self) -> Toolbox:
        posed = self.posed
        builder = ActionBuilder(posed.network, slippage_bps=SLIPPAGE_BPS)
        return Toolbox(posed.market, posed.scenario.view, posed.network, DexQuoter(posed.network), builder)

    def messages(self) -> list[Message]:
        mandate = self.posed.scenario.mandate
        match self.kind:
            case "cot":
                return self.order.messages(facts.raw(mandate, self.box(), LOOKBACK))
            case "cot_tools":
                return self.order.messages(facts.told(mandate, self.box()))
        return self.order.messages()


async def teach(lesson: Lesson, sandbox: Sandbox) -> Trajectory:
    """The oracle's trajectory in the state. Raises AssertionError if its action is not the verified one."""
    posed, messages = lesson.posed, lesson.messages()
    if not lesson.uses_tools:
        text = reasons.turn(posed.scenario.mandate, lesson.box(), posed.action)
        turns = [Turn(m["role"], m["content"]) for m in messages] + [Turn("assistant", text)]  # type: ignore[arg-type]
    else:
        oracle = _Oracle(lesson.order, posed.scenario.mandate.playbook, posed.scenario.mandate.base, lesson.kind)
        proposal = await play(oracle, sandbox, lesson.box(), messages, prompt.observation, n=1)
        assert proposal.candidates, f"{posed.id}: {proposal.discarded}"
        assert _same(proposal.candidates[0].action, posed.action), f"{posed.id}: another action than the verified one"
        turns = [Turn(m["role"], m["content"]) for m in proposal.prompt]  # type: ignore[arg-type]
        turns.append(Turn("assistant", closed(proposal.samples[-1].text)))
    return Trajectory(
        id=f"{posed.id}#{lesson.kind}",
        playbook=posed.scenario.mandate.playbook,
        turns=tuple(turns),
        first_thought="",
        action="",
        score=1.0,
        source="oracle",
        state_id=posed.id,
    )


def _same(ours: Action, verified: Action) -> bool:
    """True if both actions are the same up to the last digits, because 12.3/100 may differ from 0.123."""
    if not (isinstance(ours, Swap) and isinstance(verified, Swap)):
        return ours == verified
    legs = [[route.legs for route in swap.routes] for swap in (ours, verified)]
    return legs[0] == legs[1] and math.isclose(ours.amount_in, verified.amount_in, rel_tol=1e-6)


@dataclass(frozen=True, slots=True)
class _Oracle:
    """A Sampler that writes what the oracle teacher writes, with the numbers as the mandate text gives them."""

    order: MandateText
    playbook: str
    base: str
    kind: str
    source: str = "oracle"
    quote: str = "USDC"

    async def sample(
        self, messages: Sequence[Mapping[str, str]], n: int, prefill: str, *, after: int = 0
    ) -> list[Sample]:
        if len(messages) == 2:
            plan = PLAYBOOKS[self.playbook].plan.format(base=self.base) if self.kind == "ftp" else FIRST_LOOK
            text = render_action(plan, FIRST_CODE[self.playbook](self.order.terms, self.base, self.quote))
        else:
            side = messages[-1]["content"].removeprefix("Observation: ").split(" ", 1)[0].strip()
            text = render_action(*LAST[side](self.base, self.quote))
        return [Sample(0, index, text, 0, Finish.STOP) for index in range(n)]
