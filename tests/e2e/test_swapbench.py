"""SwapBench's batched student says what the served one says."""

from __future__ import annotations

from random import Random

import pytest

from sentinel.agent import prompt
from sentinel.agent.form import closed
from sentinel.agent.playbooks import PLAYBOOKS
from sentinel.agent.serving import CHECKOUT, Server
from sentinel.agent.serving import student as client
from sentinel.distill.swapbench.batched import Batched, Draw, Place
from sentinel.types import Mandate, MarketView

pytestmark = pytest.mark.asyncio(loop_scope="session")


def asked(seed: int) -> list[prompt.Message]:
    """A first request of the shipped student's own kind."""
    draw = Random(seed)
    mandate = Mandate(
        draw.choice([*PLAYBOOKS]), draw.choice(["WETH", "WBTC"]), round(draw.uniform(0.01, 0.2), 3),
        draw.randint(2, 60),
        round(draw.uniform(0.0002, 0.02), 4), draw.randint(20, 4000), draw.randint(1, 50), draw.randint(1, 10**6), 12,
    )  # fmt: skip
    view = MarketView({mandate.base: draw.randint(100, 9900)}, "", 1.0, 1, "settings")
    return prompt.messages(view, mandate)


async def test_greedy_turns_are_the_servers(student: Server) -> None:
    """All arms of the table are told apart by what this loop says, in vLLM's stead."""
    prompts = [asked(seed) for seed in range(28)]

    async def batched(place: int, sampler: Place) -> str:
        (turn,) = await sampler.sample(prompts[place], 1, "")
        return closed(turn.text)

    async with Batched.open(CHECKOUT / "models" / "nano") as ours:
        said = await ours.episodes(Draw(n=1, temperature=0.0), batched, len(prompts))
    async with client(student.url, temperature=0.0) as model:
        served = [closed((await model.sample(one, 1))[0].text) for one in prompts]
    assert said == served
    assert len({*said}) == len(prompts)
