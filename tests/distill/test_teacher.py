"""The LLM teacher's client: its prompts, its patience and its pace."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from sentinel.core.errors import ModelUnavailable, OperatorError
from sentinel.distill.orders.split import Split
from sentinel.distill.teaching import teacher_prompt
from sentinel.distill.teaching.teacher import PATIENCE, LlmTeacher, RateLimiter, TeacherEndpoint, UsageMeter
from sentinel.orders.language.answers import Question, Refusal
from sentinel.orders.language.reading_parser import parse
from sentinel.orders.typed.order import Order
from tests.data import data_path
from tests.distill.llm_server import KEY, MODEL, LlmServer, llm_server

ORDER = parse("Buy 90 USDC worth of WETH, every 3 hours.", "USDC")


@pytest.fixture
async def server() -> AsyncIterator[LlmServer]:
    async with llm_server() as server:
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


async def test_words_are_asked_as_they_are_and_a_program_by_the_reading(server: LlmServer, tmp_path: Path) -> None:
    """Each under the teacher's own prompt, and each sample with a seed of its own."""
    assert isinstance(ORDER, Order)
    async with Teaching(server, tmp_path, seed=7) as it:
        await it.teacher.read("90 bucks of ether, thrice hourly", 0)
        await it.teacher.program(ORDER, 3)
    read, program = server.asked
    assert [one["content"] for one in read["messages"]][1] == "90 bucks of ether, thrice hourly"
    assert [one["content"] for one in program["messages"]][1] == "Buy 90 USDC worth of WETH, every 3 hours."
    assert read["messages"][0] != program["messages"][0]
    assert (read["seed"], program["seed"]) == (7, 10)
    assert "return_token_ids" not in read  # vLLM's own


async def test_busy_and_broken_endpoints_are_asked_again_with_growing_pauses(server: LlmServer, tmp_path: Path) -> None:
    server.faults = {0: "429", 1: "500", 2: "503"}
    async with Teaching(server, tmp_path) as it:
        assert (await it.teacher.read("buy", 0)).text == "Ask: how much?"
    assert it.slept == [1.0, 2.0, 4.0]
    assert it.meter == UsageMeter(requests=1, repeated=3, prompt_tokens=1000, completion_tokens=50)
    assert it.meter.cost(2.0, 10.0) == pytest.approx(0.0025)


async def test_patience_has_an_end(server: LlmServer, tmp_path: Path) -> None:
    server.always = "429"
    async with Teaching(server, tmp_path) as it:
        with pytest.raises(ModelUnavailable, match="HTTP 429") as caught:
            await it.teacher.read("buy", 0)
    assert len(server.asked) == PATIENCE
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("fault", ["malformed", "wrong model", "400"])
async def test_what_asking_again_would_not_mend_is_asked_once(server: LlmServer, tmp_path: Path, fault: str) -> None:
    server.always = fault
    async with Teaching(server, tmp_path) as it:
        with pytest.raises(ModelUnavailable) as caught:
            await it.teacher.read("buy", 0)
    assert len(server.asked) == 1
    assert KEY not in str(caught.value)


async def test_a_refused_key_ends_the_run_and_is_not_quoted(server: LlmServer, tmp_path: Path) -> None:
    """Though the endpoint itself quotes it."""
    server.always = "401"
    async with Teaching(server, tmp_path) as it:
        with pytest.raises(OperatorError, match=r"refuses the request: HTTP 401.*your key is Bearer .key.") as caught:
            await it.teacher.read("buy", 0)
    assert KEY not in f"{caught.value!r} {caught.value.__cause__!r} {it.teacher!r}"


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


def test_the_prompts_have_every_answer_every_tool_and_examples_of_the_training_split_alone() -> None:
    read = teacher_prompt.read_request("buy")[0]["content"]
    assert isinstance(ORDER, Order)
    program = teacher_prompt.program_request(ORDER)[0]["content"]
    for answer in (*Question, *Refusal):
        assert answer in read
    for tool in ("price(coin)", "buy(coin, amount, **modifiers)", "limits(keep=None", "only(condition)"):
        assert tool in program
    rows = teacher_prompt.examples()
    assert {row.split for row in rows} == {Split.TRAIN}
    assert len({kind for row in rows for kind in row.kinds}) > 20


def test_no_order_of_the_public_set_is_in_a_prompt() -> None:
    read = teacher_prompt.read_request("buy")[0]["content"].lower()
    for line in data_path("orders", "public.jsonl").read_text().splitlines():
        assert json.loads(line)["text"].lower() not in read
