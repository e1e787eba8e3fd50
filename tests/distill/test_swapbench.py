"""SwapBench: what it asks is the mandate, what it grades is the fork's word, and the same cell comes out again."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from typer.testing import CliRunner

from lab import CHECKOUT
from lab.swapbench import cells, first_thought_effect, posed_states, publish, results_page, table
from lab.swapbench.answers import EIGHT, ONE, SAMPLED, StudentAnswer, answer
from lab.swapbench.grades import Grade, grade
from lab.swapbench.lessons import KINDS, Lesson, teach
from lab.swapbench.mandate_texts import CLAUSES, knobs, write
from lab.swapbench.posed_states import PosedState
from lab.swapbench.table_plans import FULL
from sentinel.agent.parse import parse
from sentinel.agent.playbooks import PLAYBOOKS
from sentinel.agent.sandbox import Sandbox
from sentinel.cli import distill_commands
from sentinel.core.actions import Candidate, Finish, HoldAction, Proposal, Sample
from sentinel.core.errors import OperatorError, SentinelError
from sentinel.core.mandate import Mandate
from sentinel.core.market_state import MarketView, Regime
from sentinel.core.network import HexHash
from sentinel.core.trajectory import Trajectory

COUNT = 42  # states: three that act and three that hold of each playbook


@pytest.fixture(scope="module")
def posed() -> list[PosedState]:
    return asyncio.run(posed_states.pose("dev", COUNT, seed=3))


@pytest.fixture(scope="module")
def taught(posed: list[PosedState]) -> dict[str, list[Trajectory]]:
    async def everything() -> dict[str, list[Trajectory]]:
        with Sandbox(workers=2) as sandbox:
            return {kind: [await teach(Lesson(one, kind), sandbox) for one in posed] for kind in KINDS}

    return asyncio.run(everything())


def test_each_number_of_an_order_gives_the_mandate_back() -> None:
    """In whatever unit it is written; and no number that the playbook needs is left out."""
    draw = Random(1)
    for round_ in range(400):
        playbook = draw.choice([*CLAUSES])
        mandate = Mandate(
            playbook, "WETH", round(draw.uniform(0.002, 0.3), 3), draw.randint(2, 8), round(draw.random() / 50, 5),
            draw.choice([1500.0, 320.5, 2000.0]), draw.choice([5.0, 170.0, 1200.0]), draw.randint(1, 10**6),
            draw.randint(1, 10**5),
        )  # fmt: skip
        view = MarketView({"WETH": draw.randint(1, 9999), "USDC": 0}, Regime.NONE, 1.0, 1, "settings")
        order = write(mandate, view, str(round_))
        assert set(order.terms) == set(PLAYBOOKS[playbook].knobs(mandate, view))
        for name, code in order.terms.items():
            numerator, _, denominator = code.partition("/")
            first, _, factor = numerator.partition("*")
            number = float(first) * float(factor or 1) / float(denominator or 1)
            assert number == pytest.approx(knobs(mandate, view)[name], rel=1e-6)
            assert first in order.text
        assert order == write(mandate, view, str(round_))


def test_orders_differ_in_their_words(posed: list[PosedState]) -> None:
    """Else they would teach a form and not a meaning."""
    mandate, view = posed[0].scenario.mandate, posed[0].scenario.view
    assert len({write(mandate, view, str(seed)).text for seed in range(50)}) >= 20


def test_the_same_states_come_again_to_the_last_hash(posed: list[PosedState]) -> None:
    """Answers are graded on chains that are started anew."""
    again = asyncio.run(posed_states.pose("dev", COUNT, seed=3))
    assert posed_states.digest(again) == posed_states.digest(posed)
    assert [one.market.head.hash for one in again] == [one.market.head.hash for one in posed]


def test_every_playbook_is_asked_as_often_and_half_of_it_acts(posed: list[PosedState]) -> None:
    counts = {name: [one.acts for one in posed if one.scenario.mandate.playbook == name] for name in CLAUSES}
    assert {len(acts) for acts in counts.values()} == {COUNT // 7}
    assert all(sum(acts) >= COUNT // 14 for acts in counts.values())


def test_a_student_of_words_is_shown_no_tool_and_one_with_tools_no_state(taught: dict[str, list[Trajectory]]) -> None:
    """What tells the arms apart is what their prompts hold and what their code calls."""
    for words in (taught["cot"], taught["cot_tools"]):
        for one in words:
            assert [turn.role for turn in one.turns] == ["system", "user", "assistant"]
            code = parse(one.turns[-1].text)
            assert isinstance(code, str)
            assert code.count("\n") == 0
            assert code.split("(")[0] in ("swap", "cycle", "route", "hold")
    for tooled, told in zip(taught["agent"], taught["cot"], strict=True):
        assert told.turns[1].text.startswith(tooled.turns[1].text)
        assert "\n" not in tooled.turns[1].text
    plans = [turn.text for one in taught["ftp"] for turn in one.turns if turn.role == "assistant"]
    assert not any("I look at the market first." in text for text in plans)


def proposals(posed: Sequence[PosedState], kind: str, texts: Sequence[str]) -> list[StudentAnswer]:
    """What the last turns come to, as if a student had said them once."""
    made = []
    with Sandbox(workers=1) as sandbox:
        for one, text in zip(posed, texts, strict=True):
            code = parse(text)
            assert isinstance(code, str)
            (final,) = sandbox.run_blocking(code, Lesson(one, kind).box()).finals
            sample = Sample(1, 0, text, 1, Finish.STOP)
            made.append(
                StudentAnswer(one.id, Proposal(1, (Candidate(0, final, text),), (), (), (sample,), 1, "oracle"), 0)
            )
    return made


@pytest.fixture(scope="module")
def graded(posed: list[PosedState], taught: dict[str, list[Trajectory]]) -> dict[str, list[Grade]]:
    oracle = [
        StudentAnswer(one.id, Proposal(1, (Candidate(0, one.action, ""),), (), (), (), 1, "oracle"), 0) for one in posed
    ]
    hold = [
        StudentAnswer(one.id, Proposal(1, (Candidate(0, HoldAction("no"), ""),), (), (), (), 1, "none"), 0)
        for one in posed
    ]
    words = proposals(posed, "cot", [one.turns[-1].text for one in taught["cot"]])
    return asyncio.run(grade("dev", 3, posed, {"oracle": oracle, "words": words, "hold": hold}))


def test_what_is_taught_succeeds_when_it_is_graded(graded: dict[str, list[Grade]]) -> None:
    """By simulation: the verified actions, and those whose amounts the words spell out with five digits."""
    assert all(one.success for one in graded["oracle"])
    assert all(one.success for one in graded["words"])
    assert {one.decision for one in graded["words"] if one.acts} == {"act"}


def test_holding_succeeds_where_the_oracle_holds_and_nowhere_else(graded: dict[str, list[Grade]]) -> None:
    assert [one.success for one in graded["hold"]] == [not one.acts for one in graded["hold"]]
    assert all(one.regret_bps > 0 for one in graded["hold"] if one.acts)


def test_answers_to_another_chain_are_not_graded(posed: list[PosedState]) -> None:
    other = replace(posed[0], market=replace(posed[0].market, head=replace(posed[0].market.head, hash=HexHash("0x00"))))
    answers = [StudentAnswer(other.id, Proposal(1, (), (), (), (), 1, "none"), 0)]
    with pytest.raises(SentinelError, match="this chain differs from the one"):
        asyncio.run(grade("dev", 3, [other], {"any": answers}))


@pytest.mark.proof
def test_the_same_student_says_the_same_again(posed: list[PosedState]) -> None:
    """Sampling too: what is batched together does not depend on which episode was faster."""
    draws = {name: replace(draw, max_tokens=16) for name, draw in (("one", SAMPLED), ("eight", EIGHT))}
    asked = posed[:7]
    first, again = (asyncio.run(answer(CHECKOUT / "models" / "nano", "agent", draws, asked)) for _ in range(2))
    for name in draws:
        texts = [[sample.text for sample in one.proposal.samples] for one in first[name][0]]
        assert texts == [[sample.text for sample in one.proposal.samples] for one in again[name][0]]
        assert all(len(one) >= draws[name].n for one in texts)


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> cells.TablePlan:
    """Untrained, so that its students rarely end a turn by themselves."""
    short = {arm: (kind, replace(draw, max_tokens=16)) for arm, (kind, draw) in cells.ARMS.items()}
    monkeypatch.setattr(cells, "CHECKOUT", tmp_path)
    monkeypatch.setattr(cells, "ARMS", short)
    return cells.TablePlan(
        name="tiny", trained=42, judged=14, batch=8, part="dev", steps={"pico": 12}, seeds={"pico": (1,)},
        kinds=("cot", "agent", "ftp"), thoughts=("pico",),
    )  # fmt: skip


@pytest.mark.proof
@pytest.mark.timeout(900)
def test_a_table_is_made_from_nothing_and_not_made_again(tiny: cells.TablePlan) -> None:
    """States, lessons, two real students, their answers, grades, page and pictures."""
    found = publish.make(tiny)
    assert set(found["arms"]) == {"cot", "cot_sc", "agent", "sampled", "sag", "ftp", "both"}
    assert found["states"] == 14
    assert 0.0 <= found["arms"]["agent"]["low"] <= found["arms"]["agent"]["high"] <= 1.0
    paths = sorted(tiny.results.iterdir())
    assert {"README.md", "table.json", "success.svg", "pico-cot-1.json", "pico-agent-1.json"} <= {p.name for p in paths}
    made = {path.name: path.stat().st_mtime_ns for path in paths if "-1.json" in path.name}
    ways = json.loads((tiny.results / "thoughts-pico.json").read_text())["ways"]
    assert {"none", "right", "wrong"} == set(ways)
    assert all(sum(one["states"] for one in of["by_playbook"].values()) == 14 for of in ways.values())
    (tiny.results / "thoughts-pico.json").unlink()
    shutil.rmtree(tiny.work / "pico-ftp-1")  # as in a checkout: figures are there, weights are not
    assert publish.make(tiny) == found
    assert (tiny.results / "thoughts-pico.json").exists()
    assert made == {name: (tiny.results / name).stat().st_mtime_ns for name in made}


def test_two_runs_do_not_make_one_cell_twice(tiny: cells.TablePlan) -> None:
    """The second goes on to the next cell."""
    cell = tiny.cells()[0]
    with cells.held(tiny.work / f"{cell.name}.lock"):
        assert cells.make(tiny, cell) is None


def cell(size: str, kind: str, seed: int, arms: Mapping[str, Sequence[int]], parameters: int) -> dict[str, Any]:
    fields = {name: [0.0] * 4 for name in ("captured", "regret_bps")} | dict.fromkeys(table.COSTS, 0.0)
    return {
        "kind": kind, "size": size, "seed": seed, "states": "same", "acts": [1, 1, 0, 0],
        "training": {"parameters": parameters},
        "arms": {arm: {"success": [*of], "model_seconds": 1.0, **fields} for arm, of in arms.items()},
    }  # fmt: skip


def test_the_table_pairs_states_and_averages_seeds() -> None:
    made = [
        cell("small", "cot", 1, {"cot": (0, 0, 1, 1)}, 10),
        cell("small", "agent", 1, {"agent": (1, 1, 1, 1)}, 10),
        cell("small", "agent", 2, {"agent": (0, 0, 1, 1)}, 10),
        cell("large", "cot", 1, {"cot": (1, 0, 1, 1)}, 30),
    ]
    found = table.summary(made)
    assert [*found["sizes"]] == ["small", "large"]
    assert found["arms"]["agent"]["success"] == 0.75
    assert found["sizes"]["small"]["arms"]["agent"]["where_it_acts"] == found["holding"] == 0.5
    assert found["sizes"]["small"]["arms"]["agent"]["by_seed"] == {"1": 1.0, "2": 0.5}
    gain = found["effects"]["small"]["tools in hand against none"]
    assert (gain["mean"], gain["seeds"], gain["pairs"]) == (0.5, 1, 4)  # the seed that both have
    assert gain["low"] >= 0
    assert found["across"]["agent small against cot large"]["mean"] == 0.25


def test_cells_that_were_asked_different_states_make_no_table(tiny: cells.TablePlan) -> None:
    tiny.results.mkdir(parents=True)
    with pytest.raises(OperatorError, match="no cells"):
        cells.read(tiny)
    for number, digest in enumerate(("a", "b")):
        body = {"states": digest, "size": "pico", "kind": "cot", "seed": number, "steps": 12}
        (tiny.results / f"pico-cot-{number}.json").write_text(json.dumps(body))
    with pytest.raises(OperatorError, match="different states"):
        cells.read(tiny)
    (tiny.results / "pico-cot-0.json").write_text(json.dumps({**body, "seed": 0, "steps": 11}))
    with pytest.raises(OperatorError, match=r"pico-cot-0 in .* other steps"):
        cells.read(tiny)


def test_a_wrong_first_thought_is_another_playbooks_and_its_code_is_known(
    posed: list[PosedState], taught: dict[str, list[Trajectory]]
) -> None:
    for one, trajectory in zip(posed, taught["ftp"], strict=True):
        first = next(turn.text for turn in trajectory.turns if turn.role == "assistant")
        assert first_thought_effect.playbook_of(first) == one.scenario.mandate.playbook
        assert first.startswith(first_thought_effect.given("right", one))
        assert not first.startswith(first_thought_effect.given("wrong", one))
        assert first_thought_effect.given("wrong", one)


def test_the_command_prints_the_published_table() -> None:
    outcome = CliRunner().invoke(distill_commands.app, ["evaluate", "--json"])
    assert outcome.exit_code == 0, outcome.output
    assert json.loads(outcome.stdout) == json.loads((FULL.results / "table.json").read_text())


def test_the_published_page_is_what_its_cells_say() -> None:
    """`make swapbench` writes it; it is not edited by hand."""
    found = table.summary(cells.read(FULL))
    given = [json.loads(path.read_text()) for path in sorted(FULL.results.glob("thoughts-*.json"))]
    assert (FULL.results / "README.md").read_text() == results_page.page(found, given)
    assert (FULL.results / "success.svg").read_text() == results_page.success(found)
    assert (FULL.results / "effects.svg").read_text() == results_page.effects(found)
    assert json.loads((FULL.results / "table.json").read_text()) == found
    assert found["states"] >= 1200
    assert 0.6 <= found["arms"]["agent"]["success"] <= 0.85  # room to see an effect


assert ONE.temperature == 0
