"""The oracle teacher writes what the student should; its trajectories are real episodes on a real market."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from sentinel import settings
from sentinel.agent import prompt
from sentinel.agent.form import THOUGHT, closed
from sentinel.agent.parse import parse
from sentinel.agent.playbooks import PLAYBOOKS
from sentinel.distill import split
from sentinel.distill.collect import collect
from sentinel.distill.oracle import OracleModel, next_action, read_prompt
from sentinel.distill.scenario import MAKERS
from sentinel.errors import OperatorError
from sentinel.types import Mandate, MarketView

VIEW = MarketView({"WETH": 5500, "USDC": 4500}, "", 1.0, 0, "settings")


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
    assert set(MAKERS) == set(PLAYBOOKS) == set(get_args(settings.Playbook))


def test_training_and_held_out_share_no_day_and_no_seed() -> None:
    train, dev, heldout = (split.load(name) for name in ("train", "dev", "heldout"))
    for one, other in ((train, dev), (train, heldout), (dev, heldout)):
        assert not set(one.days) & set(other.days)
        assert one.seeds[1] < other.seeds[0]
    assert heldout.pools - train.pools == {"WETH/USDC-v3-3000"}


async def test_collected_trajectories_are_verified_and_read_the_market(tmp_path: Path) -> None:
    out = tmp_path / "rows.jsonl"
    fates = await collect(split.load("dev"), 60, out, seed=3)
    lines = out.read_text().splitlines()
    assert len(lines) == 60
    assert sum(count for fate, count in fates.items() if fate.startswith("kept")) == 60
    assert any(fate.startswith("kept") and fate.endswith("act") for fate in fates)
    assert all('"Observation: ' in line and '"source":"oracle"' in line for line in lines)
    assert not out.with_suffix(".partial").exists()
