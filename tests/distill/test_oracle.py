"""The oracle teacher writes what the student should; its trajectories are real episodes on a real market."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sentinel.agent import prompt
from sentinel.agent.action_format import THOUGHT, closed
from sentinel.agent.oracle import OracleModel, next_action, read_prompt
from sentinel.agent.parse import parse
from sentinel.agent.playbooks import PLAYBOOKS
from sentinel.core.errors import OperatorError
from sentinel.core.mandate import Mandate
from sentinel.core.market_state import MarketView, Regime
from sentinel.distill.collecting.collect import collect
from sentinel.distill.collecting.selection import select
from sentinel.distill.states import split
from sentinel.distill.states.action_value import ENOUGH
from sentinel.distill.states.scenario import MAKERS
from sentinel.distill.states.tasks import CollectionRequest
from sentinel.distill.teaching.teacher import OracleTeacher
from sentinel.distill.trajectory_store import TrajectoryShards

VIEW = MarketView({"WETH": 5500, "USDC": 4500}, Regime.NONE, 1.0, 0, "settings")


def conversation(playbook: str) -> list[dict[str, str]]:
    mandate = Mandate(playbook, "WETH", 0.02, 20, 0.004, 500.0, 10.0, until=18_234_567, every=5)
    return prompt.messages(VIEW, mandate)


@pytest.mark.parametrize("playbook", sorted(PLAYBOOKS))
@pytest.mark.parametrize("side", ["buy", "sell", "cycle", "route", "hold", "ValueError: no pool"])
def test_every_turn_of_the_oracle_parses(playbook: str, side: str) -> None:
    messages = conversation(playbook)
    first = next_action(messages)
    second = next_action([*messages, {"role": "assistant", "content": first}, prompt.observation(f"{side} 12.5")])
    for text in (first, second):
        assert isinstance(parse(text), str)
        assert closed(text) == text


@pytest.mark.parametrize("playbook", sorted(PLAYBOOKS))
def test_the_first_turn_begins_with_the_playbooks_first_thought(playbook: str) -> None:
    plan = PLAYBOOKS[playbook].plan.format(base="WETH")
    assert next_action(conversation(playbook)).startswith(f"{THOUGHT}{plan}\n")


async def test_an_operators_first_thought_is_kept() -> None:
    (sample,) = await OracleModel().sample(conversation("momentum"), 1, "Thought: Follow the herd.")
    assert sample.text.startswith("Thought: Follow the herd.\nCode:")
    assert isinstance(parse(sample.text), str)


def test_an_unknown_playbook_is_said_so() -> None:
    with pytest.raises(OperatorError, match="no playbook 'martingale'"):
        read_prompt("Playbook: martingale\nPair: WETH/USDC")


def test_every_playbook_is_learnt() -> None:
    assert set(MAKERS) == set(PLAYBOOKS)


def test_training_and_held_out_share_no_day_and_no_seed() -> None:
    train, dev, heldout = (split.load(name) for name in ("train", "dev", "heldout"))
    for one, other in ((train, dev), (train, heldout), (dev, heldout)):
        assert not set(one.days) & set(other.days)
        assert one.seeds[1] < other.seeds[0]
    assert heldout.pools - train.pools == {"WETH/USDC-v3-3000"}


async def test_collected_trajectories_are_verified_read_the_market_and_are_worth_it(tmp_path: Path) -> None:
    """All playbooks, acting and holding; each captures nearly all of the value that exact quotes promise."""
    out = tmp_path / "rows.jsonl"
    await collect(
        CollectionRequest(split.load("dev"), 320, seed=3), OracleTeacher(), TrajectoryShards(tmp_path / "shards")
    )
    report = select(tmp_path / "shards", out, count=200)
    lines = out.read_text().splitlines()
    assert len(lines) == sum(report["kept"].values()) == 200
    assert set(report["kept"]) == {f"{playbook} {kind}" for playbook in PLAYBOOKS for kind in ("act", "hold")}
    assert report["rows"] == 320 == 200 + sum(report["dropped"].values())
    assert report["teachers"] == {"oracle": 200}
    assert all('"Observation: ' in line and '"source":"oracle"' in line for line in lines)
    assert all(ENOUGH <= json.loads(line)["score"] <= 1 for line in lines)
    assert not out.with_suffix(".partial").exists()


def test_a_blocks_number_stands_in_the_prompt_in_full() -> None:
    """Eight digits are more than a float is given."""
    assert "Until: 18234567\nEvery: 5\n" in conversation("slice")[1]["content"]
