"""SwapBench's batched student says what the served one says."""

from __future__ import annotations

import pytest

from lab import CHECKOUT
from lab.swapbench import posed_states
from lab.swapbench.batched import BatchedStudent, EpisodeSeat, SamplingPlan
from sentinel.agent import prompt
from sentinel.agent.action_format import closed
from sentinel.agent.vllm_server import VllmServer
from sentinel.agent.vllm_server import student as client

COUNT = 28  # requests of the shipped student's own kind

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.proof
async def test_greedy_turns_are_the_servers(student: VllmServer) -> None:
    """All arms of the table are told apart by what this loop says, in vLLM's stead."""
    posed = await posed_states.pose("dev", COUNT, seed=4)
    prompts = [prompt.messages(one.scenario.view, one.scenario.mandate) for one in posed]

    async def batched(place: int, sampler: EpisodeSeat) -> str:
        (turn,) = await sampler.sample(prompts[place], 1, "")
        return closed(turn.text)

    async with BatchedStudent.open(CHECKOUT / "models" / "nano") as ours:
        said = await ours.episodes(SamplingPlan(n=1, temperature=0.0), batched, len(prompts))
    async with client(student.url, temperature=0.0) as model:
        theirs = [closed((await model.sample(one, 1))[0].text) for one in prompts]
    assert said == theirs
    assert len({*said}) > COUNT / 2
