"""Further samples of an episode's last step: the same place, other samples, nothing forgotten."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sentinel.agent.episode import extend, play
from sentinel.agent.prompt import observation
from sentinel.agent.sandbox import CodeRun, Sandbox
from sentinel.agent.trader import ModelTrader
from sentinel.core.actions import Proposal, Swap
from sentinel.core.errors import ModelTimeout
from tests.agent.doubles import NETWORK, STATE, VIEW, PaperBuilder, PaperQuoter, Script, toolbox, turn

LOOK = turn('w = weight("WETH")\nprint(w)')
BROKEN = turn("w = 1 / 0")
BLIND = turn("v = 2\nprint(v)")
HOLD = turn('hold("calm")')
SWAP = turn('swap("WETH", "USDC", w, "v2")')
START = [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}]


async def first(sandbox: Sandbox, *steps: list[str]) -> Proposal:
    return await play(Script(steps), sandbox, toolbox(), START, observation, n=len(steps[0]))


async def test_further_samples_are_those_of_one_larger_round(sandbox: Sandbox) -> None:
    """Candidates, discards and samples are what asking for all at once would have given."""
    last = [SWAP, HOLD, "", SWAP, BROKEN, HOLD]
    small = await first(sandbox, [LOOK] * 3, last[:3])
    script = Script([last[3:]])
    extended = await extend(script, sandbox, toolbox(), small, more=3)
    whole = await first(sandbox, [LOOK] * 6, last)
    assert (extended.asked, extended.candidates, extended.discarded) == (6, whole.candidates, whole.discarded)
    assert [(s.step, s.index) for s in extended.samples[3:]] == [(2, i) for i in range(6)]
    assert script.asked == [([dict(m) for m in small.prompt], 3, "")]
    assert script.after == [3]


async def test_the_winners_state_is_found_again(sandbox: Sandbox) -> None:
    """Names and fresh reads of the winning turns are there; failed turns and their names are not."""
    small = await first(sandbox, [BROKEN] * 2, [LOOK] * 2, [BLIND] * 2, [HOLD] * 2)
    sells = turn('swap("WETH", "USDC", w / v, "v2")')
    extended = await extend(Script([[sells]]), sandbox, toolbox(), small, more=1)
    action = extended.candidates[-1].action
    assert isinstance(action, Swap)
    assert action.amount_in == 3 * 10**17


async def test_what_failed_or_never_came_counts_among_the_asked(sandbox: Sandbox) -> None:
    """Every further sample is a candidate or a discard, under its own index."""
    small = await first(sandbox, [turn('hold(str(weight("WETH")))')])
    extended = await extend(Script([[turn("print(1)"), ""]]), sandbox, toolbox(), small, more=3)
    assert extended.asked == 4
    assert {d.index: d.reason for d in extended.discarded} == {1: "not_final", 2: "empty", 3: "missing"}


async def test_one_deadline_covers_both_rounds(sandbox: Sandbox) -> None:
    """What the first round took is not there for the second (I22)."""
    trader = ModelTrader(
        Script([[LOOK], [HOLD]]), sandbox, NETWORK, PaperQuoter(), PaperBuilder(), max_steps=3, timeout=9.0
    )
    proposal = await trader.propose(STATE, VIEW, 1)
    assert {"prompt", "model", "sandbox"} == set(proposal.timings)
    assert (await trader.more(STATE, VIEW, proposal, 1)).asked == 2
    with pytest.raises(ModelTimeout, match="within 9 s"):
        await trader.more(STATE, VIEW, replace(proposal, timings={"model": 9.0}), 1)


async def test_equal_code_runs_once(sandbox: Sandbox) -> None:
    """Samples that wrote the same code share one run of it, and each is a candidate of its own."""
    ran: list[str] = []

    class Counting:
        async def run(self, code: str, tools: Any, state: bytes | None = None) -> CodeRun:
            ran.append(code)
            return await sandbox.run(code, tools, state)

    other = turn('hold("calm")', thought="Other words.")
    script = Script([[LOOK, LOOK, LOOK], [HOLD, other, SWAP]])
    proposal = await play(script, Counting(), toolbox(), START, observation, n=3)
    assert len(ran) == 3
    assert [c.index for c in proposal.candidates] == [0, 1, 2]
    assert proposal.candidates[1].text == other
