"""A student on the local market: its own turns carry no loss, the oracle goes on from them, its trades are real."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

from sentinel.agent.action_format import render_action
from sentinel.agent.oracle import OracleModel, next_action
from sentinel.agent.parse import parse
from sentinel.core.actions import Finish, Sample
from sentinel.core.decision import Act
from sentinel.core.trajectory import Trajectory
from sentinel.distill import trajectory_store
from sentinel.distill.rounds.student_states import StudentStates, visit_states
from sentinel.distill.states import split
from sentinel.distill.states.tasks import CollectionRequest, Task, segments

ORDER = CollectionRequest(split.load("train"), 24, seed=3)
TEMPLATE = Path(__file__).parents[2] / "models" / "nano" / "chat_template.jinja"
BABBLE = "Thought: I babble."
SLIP = render_action("I slip.", "print(nothing)")
TIMID = render_action("I wait.", 'hold("never")')


class Student(OracleModel):
    """The oracle, but for what `slips` says instead of it: by the number of turns taken."""

    source = "student:scripted"

    def __init__(self, slips: Callable[[int], str | None]) -> None:
        self.slips = slips

    async def sample(
        self, messages: Sequence[Mapping[str, str]], n: int, prefill: str, *, after: int = 0
    ) -> list[Sample]:
        said = self.slips((len(messages) - 2) // 2)
        return await super().sample(messages, n, prefill) if said is None else [Sample(0, 0, said, 1, Finish.STOP)]


async def reached(slips: Callable[[int], str | None]) -> StudentStates:
    found = await visit_states(Student(slips), ORDER)
    assert found.states == 24
    assert found.passed_over <= 2
    assert not found.dropped
    return found


def own(row: Trajectory) -> list[str]:
    return [turn.text for turn in row.turns[: row.given] if turn.role == "assistant"]


def oracles(row: Trajectory) -> list[str]:
    return [turn.text for turn in row.turns[row.given :] if turn.role == "assistant"]


async def test_where_the_student_is_right_there_is_nothing_to_teach() -> None:
    found = await reached(lambda taken: None)
    assert (found.rows, found.right) == ([], found.states - found.passed_over)
    assert found.sent > 0


async def test_after_a_look_that_failed_the_oracle_looks_anew() -> None:
    """From the beginning and after the student's own turn; and then it ends as it would have."""
    found = await reached(lambda taken: SLIP if taken == 0 else None)
    assert found.right < 24
    by_state: dict[str, list[Trajectory]] = {}
    for row in found.rows:
        by_state.setdefault(row.state_id, []).append(row)
    assert by_state
    for first, second in by_state.values():
        look, last = oracles(first)
        assert (first.given, own(second)) == (0, [SLIP])
        assert "NameError" in second.turns[3].text
        assert oracles(second) == [look, last]
        assert look == next_action([{"role": turn.role, "content": turn.text} for turn in first.turns[:2]])
        assert first.action == second.action


async def test_after_a_right_look_the_oracle_only_ends_what_the_student_began() -> None:
    """The last turn was wrong, so that alone is taught; what the student's look left in the sandbox serves it."""
    found = await reached(lambda taken: TIMID if taken == 1 else None)
    assert found.rows
    for row in found.rows:
        (last,) = oracles(row)
        assert len(own(row)) == 1
        assert row.given == 4
        assert "hold(" not in last
        assert row.score >= 0.95


async def test_an_episode_that_goes_on_failing_is_mended_wherever_it_still_can_be() -> None:
    """Not after four turns, where no step would be left to act on a new look; unparsed turns are kept as they were."""
    found = await reached(lambda taken: BABBLE)
    given = [row.given for row in found.rows]
    assert given == [0, 4, 6, 8] * (len(given) // 4)
    assert found.right == 0
    assert all(not isinstance(parse(text), str) for row in found.rows for text in own(row))


async def test_a_wallet_is_what_its_own_trades_made_of_it() -> None:
    """What was simulated is what the next bar's chain shows, but for the crowd's trades; others' wallets stay."""
    acted = 0
    async with aclosing(segments(ORDER.part, ORDER.seed, keep=True)) as stream:
        before: dict[int, tuple[Task, dict[str, int]]] = {}
        async for arena, bar in stream:
            for number, case in enumerate(bar):
                if number in before:
                    was, deltas = before[number]
                    for symbol in case.arena.network.tokens:
                        expected = was.state.balances[symbol] + deltas.get(symbol, 0)
                        moved = abs(deltas.get(symbol, 0))
                        assert abs(case.state.balances[symbol] - expected) <= 0.02 * moved
                    acted += bool(deltas)
                verdict = await case.arena.play(OracleModel(), case.state, case.scenario, 1)
                before[number] = (case, {})
                if isinstance(verdict.decision, Act):
                    await arena.send(case.state, verdict.decision.simulation)
                    before[number] = (case, dict(verdict.decision.simulation.deltas))
            if acted >= 6:
                return


async def test_no_loss_is_on_what_the_student_itself_wrote(in_serving: Callable[..., Any], tmp_path: Path) -> None:
    """Decoded span by span from real rows, as training encodes them; and files keep what was given."""
    found = await reached(lambda taken: (SLIP, BABBLE, None, None, None)[taken])
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(trajectory_store.dumps(trajectory_store.body_of(row)) + "\n" for row in found.rows))
    assert [trajectory_store.trajectory_of(json.loads(line)) for line in path.read_text().splitlines()] == found.rows
    spoken = in_serving("rendered.py", path, "nano", TEMPLATE)
    assert {row.given for row in found.rows} == {0, 4, 6}
    for row, told in zip(found.rows, spoken, strict=True):
        assert told["spans"] == [text + "<|end|>" for text in oracles(row)]
