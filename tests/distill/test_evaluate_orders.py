"""Readers of orders are graded on a file: each arm by its own way of reading, and nothing is asked of a model twice."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from rich.console import Console
from typer.testing import CliRunner

from sentinel.agent.read_prompt import SYSTEM
from sentinel.agent.sandbox import Sandbox
from sentinel.agent.trade_prompt import SYSTEM as TRADE
from sentinel.cli.distill_commands import app
from sentinel.core.errors import ModelUnavailable, OperatorError
from sentinel.distill.evaluation.evaluate_orders import ARMS, OF_PROGRAMS, Readers, arms_of, evaluate, left_out, report
from sentinel.distill.evaluation.kept_answers import KeptAnswers
from sentinel.distill.evaluation.labelled_orders import Did, LabelledOrder, read_orders
from sentinel.distill.evaluation.order_grades import Graded
from sentinel.distill.evaluation.orders_table import tables
from sentinel.distill.evaluation.served_programs import ServedPrograms
from sentinel.distill.evaluation.served_reader import ServedReader
from sentinel.distill.orders_recipe import answers_beside
from tests.distill.test_labelled_orders import ASK, BUY, HOLD, facts, file_of, row

SAMPLED = 4
RIGHT, WRONG = "Buy 100 USDC worth of WETH, once.", "Sell 100 USDC worth of WETH, once."
ENTRY, SET = (  # the words do not say which
    f"If the price of WETH is at most 95% of the {price}, buy 100 USDC worth of WETH, once."
    for price in ("entry price of WETH", "price of WETH when the order was set")
)
LOWER = [facts(BUY, entry_price={"WETH": 2200})]
ROWS = (
    row(id="easy", text="buy 100 of eth", reading=RIGHT, split="seeds"),
    row(
        id="split",
        text="get me 100 of ether when it is 5% down",
        reading=ENTRY,
        kinds=["dca", "limit"],
        situations=LOWER,
    ),
    row(id="tied", text="buy 100 of ether when it is 5% down", reading=ENTRY, situations=LOWER),
    row(id="vague", text="make me rich", reading="Ask: how much?", situations=[facts(ASK)]),
)
SAMPLES = {  # by the operator's words; a draft may be none, or not stand in the words
    "buy 100 of eth": [RIGHT, WRONG, WRONG, WRONG],
    "get me 100 of ether when it is 5% down": [WRONG, SET, SET, ENTRY],
    "buy 100 of ether when it is 5% down": [ENTRY, ENTRY, SET, SET],
    "make me rich": ["no", "reading", "at", "all"],
}
BUY_IT, SELL_IT = 'buy("WETH", 100, times=1)', 'sell("WETH", 100, times=1)'
PROGRAMS = {  # by the operator's words
    "buy 100 of eth": [SELL_IT, BUY_IT, SELL_IT, SELL_IT],
    "get me 100 of ether when it is 5% down": [BUY_IT, BUY_IT, BUY_IT, "nonsense("],
    "buy 100 of ether when it is 5% down": [BUY_IT, BUY_IT, SELL_IT, SELL_IT],
    "make me rich": [],
}
GREEDY = {
    "buy 100 of eth": RIGHT,
    "get me 100 of ether when it is 5% down": "nonsense",
    "buy 100 of ether when it is 5% down": ENTRY,
    "make me rich": "Ask: how much?",
}


@dataclass(slots=True)
class ReadingServer:
    """A test double for a served student: it knows the drafts of four orders."""

    url: str = ""
    asked: list[dict[str, Any]] = field(default_factory=list)
    fails_at: int | None = None  # number of the request
    models_served: tuple[str, ...] = ("reader",)

    async def chat(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.asked.append(body)
        if len(self.asked) - 1 == self.fails_at:
            return web.Response(status=503, text="busy")
        words = body["messages"][1]["content"]
        if body["messages"][0]["content"] == TRADE:
            drafts = [f"\nCode:\n```py\n{code}\n```" for code in PROGRAMS[words]]
        else:
            drafts = SAMPLES[words] if body["temperature"] else [GREEDY[words]]
        choices = [
            {"index": index, "message": {"role": "assistant", "content": f" {draft}\n"}, "finish_reason": "stop"}
            for index, draft in enumerate(drafts[: body["n"]])
        ]
        return web.json_response({"model": "reader", "choices": choices, "usage": {}})

    async def models(self, request: web.Request) -> web.Response:
        return web.json_response({"data": [{"id": name} for name in self.models_served]})


@asynccontextmanager
async def serving(fails_at: int | None = None) -> AsyncIterator[ReadingServer]:
    server = ReadingServer(fails_at=fails_at)
    site = web.Application()
    site.add_routes([web.post("/v1/chat/completions", server.chat), web.get("/v1/models", server.models)])
    runner = web.AppRunner(site)
    await runner.setup()
    port = web.TCPSite(runner, "127.0.0.1", 0)
    await port.start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    try:
        yield server
    finally:
        await runner.cleanup()


@pytest.fixture
def orders(tmp_path: Path) -> list[LabelledOrder]:
    return read_orders(file_of(tmp_path / "orders.jsonl", *ROWS))


async def graded_by(
    server: ReadingServer, orders: list[LabelledOrder], kept: Path, progress: Callable[[], None] = lambda: None
) -> dict[str, list[Graded]]:
    async with ServedReader(server.url, KeptAnswers(kept)) as reader:
        return await evaluate(orders, Readers(reader, reader, samples=SAMPLED), progress)


async def test_each_arm_reads_in_its_own_way(orders: list[LabelledOrder], tmp_path: Path) -> None:
    """The largest grounded group decides, the simulated operator finds the right one, one sample is the first."""
    done: list[None] = []
    async with serving() as server:
        grades = await graded_by(server, orders, tmp_path / "kept.jsonl", lambda: done.append(None))
    right = {arm: [one.right for one in of] for arm, of in grades.items()}
    assert list(right) == [arm for arm in ARMS if arm not in OF_PROGRAMS]
    assert len(done) == 4
    assert right["student"] == [True, False, False, True]  # a tie and no reading at all are asked about
    assert [one.reading is None for one in grades["student"]] == [False, False, True, True]
    assert right["student_approved"] == [True, True, True, True]
    assert right["one_sample"] == [True, False, True, True]
    assert right["greedy"] == right["base"] == [True, False, True, True]
    assert right["rules"][0]
    assert right["oracle"] == [True, True, True, True]
    assert right["hold"] == [False, False, False, False]
    assert {len(body["messages"]) for body in server.asked} == {2}
    assert {body["messages"][0]["content"] for body in server.asked} == {SYSTEM}


async def test_the_students_trading_is_graded_behind_the_guard_and_without_it(
    orders: list[LabelledOrder], tmp_path: Path
) -> None:
    """A wrong majority trades without the guard alone; without a majority, and without an order, nothing is traded."""
    async with serving() as server:
        with Sandbox() as sandbox:
            async with ServedPrograms(server.url, KeptAnswers(tmp_path / "kept.jsonl"), sandbox) as programs:
                grades = await evaluate(orders, Readers(samples=SAMPLED, programs=programs))
    did = {arm: [one.outcomes[0].did for one in grades[arm]] for arm in OF_PROGRAMS}
    assert did["programs_unguarded"] == [Did.SELL, Did.BUY, Did.HOLD, Did.ASK]
    assert did["programs"] == [Did.HOLD, Did.BUY, Did.HOLD, Did.ASK]
    assert [outcome.wrong_act for one in grades["programs_unguarded"] for outcome in one.outcomes].count(True) == 1
    assert not any(outcome.wrong_act for one in grades["programs"] for outcome in one.outcomes)
    first = server.asked[0]["messages"]
    assert [message["role"] for message in first] == ["system", "user", "assistant"]
    assert first[-1]["content"] == f"Thought: {RIGHT}"


async def test_the_student_is_named_where_several_models_are_served(
    orders: list[LabelledOrder], tmp_path: Path
) -> None:
    """An adapter beside its base, for instance; a name that is not served is refused before anything is drawn."""
    async with serving() as server:
        server.models_served = ("base", "reader")
        with pytest.raises(ModelUnavailable, match="base, reader"):
            await graded_by(server, orders, tmp_path / "kept.jsonl")
        kept = KeptAnswers(tmp_path / "kept.jsonl")
        with pytest.raises(ModelUnavailable, match="not raeder"):
            async with ServedReader(server.url, kept, "raeder"):
                pass
        assert not server.asked
        async with ServedReader(server.url, kept, "reader") as reader:
            assert await reader.greedy(orders[0].text) is not None


async def test_a_stopped_evaluation_goes_on(orders: list[LabelledOrder], tmp_path: Path) -> None:
    """What was answered before the stop is not asked again, nor is a line that was cut off trusted."""
    kept = tmp_path / "kept.jsonl"
    async with serving(fails_at=3) as server:
        with pytest.raises(ModelUnavailable, match="503"):
            await graded_by(server, orders, kept)
    before = len(KeptAnswers(kept))
    assert 0 < before < 8
    with kept.open("a") as file:
        file.write('{"key": "cut off')
    async with serving() as server:
        first = await graded_by(server, orders, kept)
        assert len(server.asked) == 8 - before  # the base is the same model here, and as greedy
        second = await graded_by(server, orders, kept)
        assert len(server.asked) == 8 - before
    assert report(first) == report(second)


def test_a_file_that_holds_no_answers_is_refused(tmp_path: Path) -> None:
    """It may be someone's data."""
    path = tmp_path / "kept.jsonl"
    for text in ("my diary\n", "my diary", '{"key"=1}', "{}\n" + "x" * 9):
        path.write_text(text)
        with pytest.raises(OperatorError, match=r"kept\.jsonl:1: this is no kept answer"):
            KeptAnswers(path)
        assert path.read_text() == text
    with pytest.raises(OperatorError, match="--answers"):
        KeptAnswers(path / "inside")


def test_answers_are_kept_beside_the_orders(tmp_path: Path) -> None:
    """Unless nothing can be written there."""
    assert answers_beside(tmp_path / "mine.jsonl") == tmp_path / "mine.answers.jsonl"
    assert answers_beside(Path("/proc/mine.jsonl")).parent != Path("/proc")


def test_the_command_prints_its_scores_last(tmp_path: Path) -> None:
    """One line of JSON; arms that cannot be graded are left out and named on standard error."""
    path = file_of(tmp_path / "orders.jsonl", *ROWS[:2], row(id="bare", situations=[facts(HOLD)]))
    run = CliRunner().invoke(app, ["evaluate", "--orders", str(path), "--json"])
    assert run.exit_code == 0, run.output
    scores = json.loads(run.stdout.splitlines()[-1])
    assert (scores["orders"], list(scores["arms"])) == (3, ["rules", "hold"])
    assert scores["arms"]["hold"] == {
        "orders_right": 0.3333,
        "low": 0.0615,
        "high": 0.7923,
        "situations_right": 0.3333,
        "acts": 0,
        "wrong_acts": 0.0,
        "missed": 1.0,
        "asked": 0.0,
        "refused": 0.0,
        "coverage": 1.0,
    }
    assert "student, student_approved, greedy, one_sample" in run.stderr.replace("\n", " ")
    assert "oracle" in run.stderr


@pytest.mark.parametrize(
    "options",
    [
        ["--url", "http://x/v1"],
        ["--orders", "x", "--quick"],
        ["--orders", "x", "--model", "y"],
        ["--orders", "x", "--name", "y"],
    ],
)
def test_options_that_do_not_fit_are_refused(options: list[str]) -> None:
    """Before anything is read."""
    run = CliRunner().invoke(app, ["evaluate", *options])
    assert run.exit_code == 2


async def test_the_table_names_goals_and_kinds(orders: list[LabelledOrder]) -> None:
    """Goals stand beside the arms and splits that they are for; an order counts in each of its kinds."""
    readers = Readers()
    assert arms_of(orders, readers) == ["rules", "hold", "oracle"]
    assert len(left_out(ARMS)) == 0
    grades = await evaluate(orders, readers)
    grades["student"] = grades["oracle"]
    console = Console(width=120)
    with console.capture() as shown:
        console.print(tables(grades))
    lines = [line.strip() for line in shown.get().splitlines()]
    assert any(line.startswith("seeds ") and "(goal 97.0)" in line for line in lines)
    assert any(line.startswith("people's orders ") and "(goal 60.0)" in line for line in lines)
    dca = next(line.split() for line in lines if line.startswith("dca "))
    assert (dca[1], dca[-1]) == ("4", "100.0")
    assert next(line.split() for line in lines if line.startswith("limit "))[1] == "1"
