"""Judging: each state's result is there, right, and the same for every student; the card shows what was measured."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from lab import CHECKOUT
from sentinel.agent.action_format import render_action
from sentinel.agent.episode import Sampler
from sentinel.agent.oracle import OracleModel
from sentinel.core.actions import Finish, Sample
from sentinel.core.errors import ModelTimeout
from sentinel.distill.evaluation.evaluate import evaluate
from sentinel.distill.evaluation.paired import compare
from sentinel.distill.states import split
from sentinel.distill.training import model_card

STATES = 40
NANO = CHECKOUT / "models" / "nano"


class Timid:
    """Looks at the market and holds."""

    source = "student:timid"

    async def sample(
        self, messages: Sequence[Mapping[str, str]], n: int, prefill: str, *, after: int = 0
    ) -> list[Sample]:
        text = render_action("I wait.", 'weight("WETH")\nhold("never")')
        return [Sample(0, index, text, 7, Finish.STOP) for index in range(n)]


class Small:
    """The oracle, but with a tenth of every size: right in direction, worth too little."""

    source = "student:small"

    async def sample(
        self, messages: Sequence[Mapping[str, str]], n: int, prefill: str, *, after: int = 0
    ) -> list[Sample]:
        drawn = await OracleModel().sample(messages, n, prefill, after=after)
        texts = [one.text.replace("amount = size /", "amount = size / 10 /") for one in drawn]
        texts = [text.replace("```py\nswap(", "```py\nsize = size / 10\nswap(") for text in texts]
        return [Sample(0, index, text, 9, Finish.STOP) for index, text in enumerate(texts)]


class Late(OracleModel):
    """The oracle, but every third answer comes after the time for a step is over."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    async def sample(
        self, messages: Sequence[Mapping[str, str]], n: int, prefill: str, *, after: int = 0
    ) -> list[Sample]:
        self.asked += 1
        if self.asked % 3 == 0:
            raise ModelTimeout("no answer within 10 s")
        return await super().sample(messages, n, prefill, after=after)


async def test_an_answer_that_comes_too_late_is_a_hold() -> None:
    """As in the daemon: the state is judged as one on which it held, and the samples are counted as discarded."""
    scored = await evaluate(Late(), split.load("dev"), 12, n=2, seed=5)
    late = [one for one in scored["judged"] if one["decision"] == "hold (model_timeout)"]
    assert 0 < len(late) < len(scored["judged"]) == 12
    assert all(one["success"] == (one["kind"] == "hold") for one in late if one["oracle"] != 0)
    assert scored["samples"]["discarded: sample model_timeout"] == 2 * len(late)


@pytest.fixture(scope="module")
def scores() -> dict[str, dict[str, Any]]:
    part = split.load("dev")
    students: dict[str, Sampler] = {"oracle": OracleModel(), "timid": Timid(), "small": Small()}

    async def all_of_them() -> dict[str, dict[str, Any]]:
        return {name: await evaluate(student, part, STATES, n=2, seed=5) for name, student in students.items()}

    return asyncio.run(all_of_them())


def test_the_oracle_succeeds_everywhere(scores: dict[str, dict[str, Any]]) -> None:
    found = scores["oracle"]
    assert found["success"]["all"]["hits"] == found["agreement"]["all"]["hits"] == STATES
    assert found["captured"] >= 0.95
    assert found["regret_bps"] < 0.5
    assert not found["misses"]


def test_holding_succeeds_exactly_where_there_is_nothing_to_gain(scores: dict[str, dict[str, Any]]) -> None:
    """Its regret is what the oracle's action was worth."""
    found = scores["timid"]["judged"]
    acts = [one for one in found if one["kind"] == "act"]
    assert len(acts) >= 0.45 * STATES
    assert all(one["success"] == (one["oracle"] <= 0.1) for one in found)
    assert all(one["regret_bps"] > 0 and one["ours"] == 0 and not one["agrees"] for one in acts)
    assert all(one["agrees"] for one in found if one["kind"] == "hold")
    assert all(one["tokens"] == 14 and one["steps"] == 1 for one in found)


def test_a_trade_too_small_does_not_succeed(scores: dict[str, dict[str, Any]]) -> None:
    trades = [
        one
        for one in scores["small"]["judged"]
        if one["kind"] == "act" and one["playbook"] not in ("arbitrage", "triangle")
    ]
    assert len(trades) >= 5
    assert not any(one["success"] for one in trades if one["oracle"] > 0.1)


def test_every_student_is_judged_on_the_same_states(scores: dict[str, dict[str, Any]]) -> None:
    """So that two can be paired, without a state left over, and the oracle's value is the same for both."""
    oracle, timid = scores["oracle"]["judged"], scores["timid"]["judged"]
    assert [one["state"] for one in oracle] == [one["state"] for one in timid]
    assert [one["oracle"] for one in oracle] == pytest.approx([one["oracle"] for one in timid], rel=1e-6)
    found = compare(oracle, timid)
    assert found.unpaired == 0
    assert found.better
    assert not compare(timid, oracle).better
    assert not compare(oracle, oracle).better


def test_the_card_shows_both_measures(scores: dict[str, dict[str, Any]], tmp_path: Path) -> None:
    (tmp_path / "training.json").write_text((NANO / "training.json").read_text())
    told = {"data_sha256": "d", "weights_sha256": "w", "collected": {"kept": 1}, "states": STATES, "n": 2}
    (tmp_path / "scores.json").write_text(json.dumps({**scores["timid"], **told}))
    model_card.write(tmp_path)
    text = (tmp_path / "README.md").read_text()
    for name, share in scores["timid"]["success"].items():
        agreed = scores["timid"]["agreement"][name]
        assert f"| {name} | {agreed['hits']} | {agreed['total']} | {agreed['share']:.3f} |" in text
        assert f"| {share['hits']} | {share['share']:.3f} | {share['low']:.3f} | {share['high']:.3f} |" in text
