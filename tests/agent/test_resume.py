"""Going on from a conversation that others began."""

from __future__ import annotations

from sentinel.agent.episode import play, resume
from sentinel.agent.prompt import observation
from sentinel.agent.sandbox import Sandbox
from sentinel.core.actions import Proposal
from tests.agent.doubles import Script, toolbox, turn

LOOK = turn('w = weight("WETH")\nprint(w)')
BROKEN = turn("w = 1 / 0")
SWAP = turn('swap("WETH", "USDC", w, "v2")')
START = [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}]


async def played(sandbox: Sandbox, *steps: list[str]) -> Proposal:
    return await play(Script(steps), sandbox, toolbox(), START, observation, n=1)


async def test_an_episode_goes_on_as_if_it_had_not_been_left(sandbox: Sandbox) -> None:
    """The state of the turns that ran is there, of those that failed there is none; both count among the steps."""
    whole = await played(sandbox, [BROKEN], [LOOK], [SWAP])
    script = Script([[SWAP]])
    resumed = await resume(script, sandbox, toolbox(), whole.prompt, observation, n=1)
    assert resumed.candidates == whole.candidates
    assert (resumed.steps, resumed.prompt) == (whole.steps, whole.prompt)
    assert script.asked == [([dict(message) for message in whole.prompt], 1, "")]


async def test_no_more_steps_are_taken_than_an_episode_has(sandbox: Sandbox) -> None:
    begun = (await played(sandbox, [BROKEN], [BROKEN], [BROKEN], [SWAP.replace("w,", "1,")])).prompt
    script = Script([[LOOK], [LOOK], [LOOK]])
    resumed = await resume(script, sandbox, toolbox(), begun, observation, n=1)
    assert len(script.asked) == 2
    assert (resumed.steps, resumed.candidates) == (5, ())
    assert [one.reason for one in resumed.discarded] == ["too_many_steps"]
