"""Episodes in the real sandbox, with written turns in the student's place."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.agent.action_format import STOP
from sentinel.agent.episode import play
from sentinel.agent.prompt import observation
from sentinel.agent.sandbox import Sandbox
from sentinel.core.actions import HoldAction, Proposal, Swap
from tests.agent.doubles import Script, toolbox, turn

LOOK = turn('w = weight("WETH")\nprint(w)')
HOLD = turn('hold("calm")')
SWAP = turn('swap("WETH", "USDC", w, "v2")')
START = [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}]


async def episode(
    sandbox: Sandbox, *steps: Sequence[str | tuple[str, str]], prefill: str = ""
) -> tuple[Proposal, Script]:
    script = Script(steps)
    proposal = await play(script, sandbox, toolbox(), START, observation, n=len(steps[0]), max_steps=5, prefill=prefill)
    every = [c.index for c in proposal.candidates] + [d.index for d in proposal.discarded]
    assert sorted(every) == list(range(proposal.asked)), "every sample that was asked for is accounted for once"
    return proposal, script


def reasons(proposal: Proposal) -> list[str]:
    return [discard.reason for discard in proposal.discarded]


async def test_the_majoritys_state_and_words_go_on(sandbox: Sandbox) -> None:
    """Step 2 sees the winner's turn and observation, and runs on the winner's names."""
    odd = turn("w = 0.1\nequity()\nprint(w)")
    proposal, script = await episode(sandbox, [LOOK, odd, LOOK], [SWAP, SWAP, SWAP])
    assert proposal.steps == 2
    assert [type(c.action) for c in proposal.candidates] == [Swap] * 3
    assert {c.action.amount_in for c in proposal.candidates if isinstance(c.action, Swap)} == {6 * 10**17}
    assert script.asked[1][0] == [
        *START,
        {"role": "assistant", "content": LOOK},
        {"role": "user", "content": "Observation: 0.6"},
    ]
    assert proposal.prompt == tuple(script.asked[1][0])
    assert [(s.step, s.index) for s in proposal.samples] == [(step, i) for step in (1, 2) for i in range(3)]
    assert proposal.source == "script"


async def test_the_turn_is_closed_where_the_server_stripped_the_stop_string(sandbox: Sandbox) -> None:
    """Training rows and the conversation have the same bytes."""
    bare = LOOK.removesuffix(STOP)
    _, script = await episode(sandbox, [bare, bare], [SWAP, SWAP])
    assert script.asked[1][0][2]["content"] == LOOK


async def test_the_prefill_is_for_the_first_step_only(sandbox: Sandbox) -> None:
    """A first thought begins an episode, not every step."""
    _, script = await episode(sandbox, [LOOK], [HOLD], prefill="Thought: I look.")
    assert [prefill for _, _, prefill in script.asked] == ["Thought: I look.", ""]


async def test_an_episode_ends_when_more_than_half_of_the_runs_end(sandbox: Sandbox) -> None:
    """The others are discarded as not final and still count among those asked."""
    final = turn('print(weight("WETH"))\nhold("calm")')
    proposal, _ = await episode(sandbox, [final, final, LOOK])
    assert (proposal.steps, len(proposal.candidates), reasons(proposal)) == (1, 2, ["not_final"])


async def test_half_is_not_more_than_half(sandbox: Sandbox) -> None:
    """At exactly half the finals of the step are dropped and it goes on with what was observed."""
    final = turn('print(weight("WETH"))\nhold("calm")')
    proposal, script = await episode(sandbox, [final, LOOK], [HOLD, HOLD])
    assert proposal.steps == 2
    assert script.asked[1][0][-1]["content"] == "Observation: 0.6"
    assert [c.action for c in proposal.candidates] == [HoldAction("calm")] * 2


async def test_failures_do_not_count_among_the_runs(sandbox: Sandbox) -> None:
    """One final of two runs that ended is half; one of one is all, however many failed."""
    final = turn('hold(str(weight("WETH")))')
    broken = turn("x = 1 / 0")
    proposal, _ = await episode(
        sandbox,
        [final, broken, ("", "stop"), ("Thought: I wai", "length"), ("", "abort"), turn('swap("WETH","USDC",9,"v2")')],
    )
    assert [c.index for c in proposal.candidates] == [0]
    assert [(d.index, d.stage, d.reason) for d in proposal.discarded] == [
        (1, "code", "failed"),
        (2, "parse", "empty"),
        (3, "sample", "truncated"),
        (4, "sample", "aborted"),
        (5, "action", "unbuildable"),
    ]


async def test_two_final_actions_in_one_code_action_are_discarded(sandbox: Sandbox) -> None:
    """Even two equal ones: nobody guesses which was meant."""
    double = turn('equity()\nhold("a")\nhold("a")')
    proposal, _ = await episode(sandbox, [turn("hold(str(equity()))")] * 2 + [double])
    assert reasons(proposal) == ["two_finals"]


async def test_without_a_look_at_the_market_there_is_no_candidate(sandbox: Sandbox) -> None:
    """Reads of the winners' steps count, `target` and another sample's reads do not."""
    blind = turn('target("WETH")\nhold("calm")')
    seeing = turn('weight("WETH")\nhold("calm")')
    proposal, _ = await episode(sandbox, [blind, seeing, HOLD])
    assert [c.index for c in proposal.candidates] == [1]
    assert reasons(proposal) == ["no_fresh_read"] * 2
    proposal, _ = await episode(sandbox, [LOOK, LOOK, LOOK], [blind, seeing, HOLD])
    assert len(proposal.candidates) == 3
    proposal, _ = await episode(sandbox, [turn("print(1)"), turn("print(1)"), LOOK], [HOLD, HOLD, HOLD])
    assert reasons(proposal) == ["no_fresh_read"] * 3


async def test_when_all_fail_the_commonest_error_is_shown(sandbox: Sandbox) -> None:
    """The failed turn and its error go on, the state does not; the next step may repair it."""
    broken = turn("y = 1\nx = 1 / 0")
    proposal, script = await episode(
        sandbox,
        [broken, turn("nope()"), broken],
        [turn('print(weight("WETH"))\nhold(str(y))')] * 3,
        [LOOK] * 3,
        [HOLD] * 3,
    )
    assert [message["content"] for message in script.asked[1][0][2:]] == [
        broken,
        "Observation: ZeroDivisionError: division by zero",
    ]
    assert script.asked[2][0][-1]["content"] == "Observation: NameError: name 'y' is not defined"
    assert proposal.steps == 4
    assert len(proposal.candidates) == 3


async def test_a_step_that_nobody_wrote_well_says_what_is_missing(sandbox: Sandbox) -> None:
    """Text that is no code action is answered with the form."""
    _, script = await episode(sandbox, [("I think so", "stop")] * 2, [LOOK] * 2, [HOLD] * 2)
    assert script.asked[1][0][-1]["content"] == "Observation: no thought; write one Thought and one Code block"


async def test_five_steps_are_the_end(sandbox: Sandbox) -> None:
    """Whoever only looks never trades."""
    proposal, script = await episode(sandbox, [LOOK, LOOK])
    assert (len(script.asked), proposal.steps, proposal.candidates) == (5, 5, ())
    assert reasons(proposal) == ["too_many_steps"] * 2
    assert len(proposal.samples) == 10


async def test_samples_that_never_came_are_accounted_for(sandbox: Sandbox) -> None:
    """A sampler that gives fewer leaves discards, one that gives more is cut."""
    final = turn("hold(str(equity()))")
    for given_, missing in (([final], 3), ([final] * 9, 0)):
        proposal = await play(Script([given_]), sandbox, toolbox(), START, observation, n=4)
        assert reasons(proposal) == ["missing"] * missing
        assert len(proposal.candidates) == 4 - missing


async def test_silence_is_an_observation(sandbox: Sandbox) -> None:
    """Code that prints nothing has run, and the model is told so."""
    quiet = turn('w = weight("WETH")')
    _, script = await episode(sandbox, [quiet, quiet], [HOLD, HOLD])
    assert script.asked[1][0][-1]["content"] == "Observation: nothing was printed"


SAMPLES = st.lists(
    st.sampled_from([LOOK, HOLD, SWAP, turn("print(1)"), turn("x = 1 / 0"), "", turn('hold("a")\nhold("b")')]),
    min_size=4,
    max_size=4,
)


@given(st.lists(SAMPLES, min_size=1, max_size=3), st.permutations(range(4)))
@settings(max_examples=40, deadline=None)
async def test_the_order_of_samples_never_changes_what_is_proposed(
    sandbox: Sandbox, steps: list[list[str]], order: list[int]
) -> None:
    """Shuffling a step's samples shuffles the indices, nothing else."""

    async def outcome(shuffled: list[list[str]]) -> tuple[object, ...]:
        proposal, script = await episode(sandbox, *[[*step] for step in shuffled])
        actions = sorted(repr(c.action) for c in proposal.candidates)
        return actions, sorted(reasons(proposal)), [messages for messages, _, _ in script.asked]

    assert await outcome(steps) == await outcome([[step[i] for i in order] for step in steps])


@pytest.mark.parametrize("n", [1, 8])
async def test_one_sample_or_many(sandbox: Sandbox, n: int) -> None:
    """Greedy serving is an episode of one."""
    proposal, _ = await episode(sandbox, [LOOK] * n, [SWAP] * n)
    assert len(proposal.candidates) == n


async def test_an_episode_that_only_fails_ends_with_its_failure(sandbox: Sandbox) -> None:
    """Text that is cut in every step also runs out of steps, but that is not the cause; nor for code that fails."""
    cut = [("Thought: I wai", "length")] * 2
    proposal, script = await episode(sandbox, *[cut] * 5)
    assert (len(script.asked), reasons(proposal)) == (5, ["truncated"] * 2)
    proposal, _ = await episode(sandbox, *[[turn("x = 1 / 0"), LOOK]] * 4, [turn("x = 1 / 0"), ("", "abort")])
    assert [(d.reason, d.detail) for d in proposal.discarded] == [
        ("failed", "ZeroDivisionError: division by zero"),
        ("aborted", ""),
    ]


async def test_a_step_that_was_lost_is_named_where_the_steps_ran_out(sandbox: Sandbox) -> None:
    """With the commonest failure of the first such step."""
    proposal, _ = await episode(sandbox, [("Thought: I wai", "length")] * 2, *[[LOOK] * 2] * 4)
    assert [(d.reason, d.detail) for d in proposal.discarded] == [
        ("too_many_steps", "all samples of step 1 failed: truncated")
    ] * 2
