"""The LLM teacher's client: its prompts, its patience, its pace, and what it makes of bad answers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from sentinel.agent import prompt
from sentinel.agent.action_format import render_action
from sentinel.agent.parse import parse
from sentinel.agent.playbooks import PLAYBOOKS
from sentinel.agent.sandbox import Sandbox
from sentinel.agent.tool_docs import named
from sentinel.core.errors import ModelUnavailable, OperatorError
from sentinel.core.mandate import Mandate
from sentinel.core.market_state import MarketView, Regime
from sentinel.distill.teaching import first_thoughts, teacher_prompt
from sentinel.distill.teaching.teacher import PATIENCE, LlmTeacher, RateLimiter, TeacherEndpoint, UsageMeter
from tests.agent.doubles import toolbox
from tests.distill.llm_server import KEY, MODEL, LlmServer, recorded_server

MANDATE = Mandate("rebalance", "WETH", 0.02, 20, 0.004, 500.0, 10.0)
ASKED = prompt.messages(MarketView({"WETH": 5500, "USDC": 4500}, Regime.NONE, 1.0, 0, "settings"), MANDATE)
PLAN = "I will measure the weight of WETH against its target, and trade only if the distance is wider than the band."


@pytest.fixture
async def server() -> AsyncIterator[LlmServer]:
    async with recorded_server() as server:
        yield server


class Teaching:
    """A teacher of the server that remembers how long it would have slept."""

    def __init__(self, server: LlmServer, tmp_path: Path, **options: Any) -> None:
        key = tmp_path / "key"
        key.write_text(KEY + "\n")
        self.meter, self.slept = UsageMeter(), list[float]()
        endpoint = TeacherEndpoint(server.url, MODEL, key, per_minute=1e6, **options)
        self.teacher = LlmTeacher(endpoint, self.meter, sleep=self.sleep)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    async def __aenter__(self) -> Teaching:
        return self

    async def __aexit__(self, *given: Any) -> None:
        await self.teacher.__aexit__(*given)


async def test_the_first_paragraph_of_the_chain_of_thought_is_a_native_prefill(
    server: LlmServer, tmp_path: Path
) -> None:
    """Put before the agent's step 1 and gone on from; the two requests have the teacher's own prompts."""
    async with Teaching(server, tmp_path) as it:
        start = await it.teacher.start(MANDATE, ASKED, 3)
        (sample,) = await start.sampler.sample(ASKED, 1, "Thought: " + start.first_thought)
    assert (start.first_thought, start.prefix, start.sampler.source) == (PLAN, "given", f"llm:{MODEL}")
    assert isinstance(parse(sample.text), str)
    assert sample.text.startswith(f"Thought: {PLAN}\nCode:")
    cot, agent = server.asked
    assert cot["messages"][0]["content"] == first_thoughts.SYSTEM
    assert agent["messages"][0]["content"] == teacher_prompt.system()
    assert cot["messages"][1] == agent["messages"][1] == ASKED[1]
    assert agent["messages"][2] == {"role": "assistant", "content": f"Thought: {PLAN}"}
    assert (agent["add_generation_prompt"], agent["continue_final_message"]) == (False, True)
    assert "return_token_ids" not in agent
    assert agent["seed"] == 3


async def test_busy_and_broken_endpoints_are_asked_again_with_growing_pauses(server: LlmServer, tmp_path: Path) -> None:
    server.faults = {0: "429", 1: "500", 2: "503"}
    async with Teaching(server, tmp_path) as it:
        assert (await it.teacher.start(MANDATE, ASKED, 0)).first_thought == PLAN
    assert it.slept == [1.0, 2.0, 4.0]
    assert it.meter == UsageMeter(requests=1, repeated=3, prompt_tokens=1000, completion_tokens=50)
    assert it.meter.cost(2.0, 10.0) == pytest.approx(0.0025)


async def test_patience_has_an_end(server: LlmServer, tmp_path: Path) -> None:
    server.always = "429"
    async with Teaching(server, tmp_path) as it:
        with pytest.raises(ModelUnavailable, match="HTTP 429") as caught:
            await it.teacher.start(MANDATE, ASKED, 0)
    assert len(server.asked) == PATIENCE
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("fault", ["malformed", "wrong model", "400"])
async def test_what_asking_again_would_not_mend_is_asked_once(server: LlmServer, tmp_path: Path, fault: str) -> None:
    server.always = fault
    async with Teaching(server, tmp_path) as it:
        with pytest.raises(ModelUnavailable) as caught:
            await it.teacher.start(MANDATE, ASKED, 0)
    assert len(server.asked) == 1
    assert KEY not in str(caught.value)


async def test_a_refused_key_ends_the_run_and_is_not_quoted(server: LlmServer, tmp_path: Path) -> None:
    """Though the endpoint itself quotes it."""
    server.always = "401"
    async with Teaching(server, tmp_path) as it:
        with pytest.raises(OperatorError, match=r"refuses the request: HTTP 401.*your key is Bearer .key.") as caught:
            await it.teacher.start(MANDATE, ASKED, 0)
    assert KEY not in f"{caught.value!r} {caught.value.__cause__!r} {it.teacher!r}"


async def test_a_cut_off_chain_of_thought_gives_no_first_thought(server: LlmServer, tmp_path: Path) -> None:
    server.faults = {0: "truncated"}
    async with Teaching(server, tmp_path) as it:
        start = await it.teacher.start(MANDATE, ASKED, 0)
    assert (start.first_thought, start.prefix) == ("", "refused: is cut off")


async def test_an_endpoint_that_does_not_go_on_with_a_prefill_is_found_out(server: LlmServer, tmp_path: Path) -> None:
    server.faults = {1: "anew"}
    async with Teaching(server, tmp_path) as it:
        start = await it.teacher.start(MANDATE, ASKED, 0)
        with pytest.raises(OperatorError, match="starts a new answer instead of continuing"):
            await start.sampler.sample(ASKED, 1, "Thought: " + start.first_thought)


async def test_without_first_thoughts_no_chain_of_thought_is_asked_for(server: LlmServer, tmp_path: Path) -> None:
    async with Teaching(server, tmp_path, first_thoughts=False) as it:
        start = await it.teacher.start(MANDATE, ASKED, 0)
    assert (start.first_thought, start.prefix, server.asked) == ("", "none", [])


async def test_requests_begin_no_closer_together_than_the_rate_allows() -> None:
    """By a clock of the test's own: five at once, at 120 a minute."""
    slept = list[float]()

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    pace = RateLimiter(120, 8, clock=lambda: 1000.0, sleep=sleep)
    for _ in range(5):
        async with pace.turn():
            pass
    assert slept == [0.0, 0.5, 1.0, 1.5, 2.0]


@pytest.mark.parametrize(
    ("thought", "why"),
    [
        (PLAN, None),
        ("", "is empty"),
        ("WETH stands at 1600, so I buy.", "states a number"),
        ("It fell by three percent, so I buy.", "states a number"),
        ("It is worth a thousand, so I buy.", "states a number"),
        ("I wait. " * 60, "is too long"),
        ("I wait. Code: hold()", "is not plain text"),
        ("I wait.<end_code>", "is not plain text"),
        ("I wait\N{HORIZONTAL ELLIPSIS}", "is not plain text"),
    ],
)
def test_a_first_thought_is_a_plan_and_never_a_fact(thought: str, why: str | None) -> None:
    assert first_thoughts.refusal(thought) == why


@pytest.mark.parametrize("playbook", sorted(PLAYBOOKS))
def test_the_playbooks_own_first_thoughts_would_pass(playbook: str) -> None:
    assert first_thoughts.refusal(PLAYBOOKS[playbook].plan.format(base="WETH")) is None


def test_the_first_paragraph_is_one_line() -> None:
    assert first_thoughts.first_thought("\n Thought: I look\nfirst.\n\nThen 5.") == "I look first."


def test_the_long_prompt_has_every_tool_and_every_playbook() -> None:
    """From the tools themselves, so that a new one is in it."""
    text, box = teacher_prompt.system(), named()
    for name, tool in {**box.reads, **box.finals}.items():
        assert f"{name}(" in text
        assert " ".join((tool.__doc__ or "?").split()) in text
    assert set(teacher_prompt.RULES) == set(PLAYBOOKS)


@pytest.mark.parametrize("turns", [turns for _, turns in teacher_prompt.EXAMPLES])
def test_an_example_of_the_long_prompt_runs(turns: tuple[tuple[str, str, str], ...]) -> None:
    """To exactly one final action, with a look at the market."""
    with Sandbox(workers=1) as sandbox:
        state, finals, reads = None, 0, 0
        for thought, code, _ in turns:
            assert parse(render_action(thought, code)) == code
            run = sandbox.run_blocking(code, toolbox(), state)
            assert run.error is None
            state, finals, reads = run.state, finals + len(run.finals), reads + len(run.reads)
        assert finals == 1
        assert reads
