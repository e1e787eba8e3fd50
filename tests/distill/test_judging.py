"""The teacher of judgements answers by the numbers of the market that it asks about, and rows of it are learned."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from statistics import fmean

import pytest

from sentinel.agent import judge_prompt
from sentinel.agent.approve_prompt import approve_messages
from sentinel.agent.judge_prompt import is_yes
from sentinel.core.actions import Finish, Sample
from sentinel.distill.orders.judging import judgement_row
from sentinel.distill.orders.phrase_rules import of_part
from sentinel.distill.tuning.conversations import read

PHRASES = [rule.words for table in of_part("look") for rule in table.rules]
ORDERS = {
    "dca": ("buy 5 usd of eth every hour", "Buy 5 USDC worth of WETH, every 1 hour, 3 times."),
    "judged": ("sell all my eth if it looks shaky", 'If it is judged that "it looks shaky", sell all of WETH.'),
}


def told(request: str, span: str) -> float:
    """The mean change over the span in percent, as the request tells it."""
    return fmean(map(float, re.findall(rf"(-?[\d.]+)% in {span}", request)))


def test_shaky_is_a_fall_in_the_hour_or_in_five_minutes() -> None:
    answers = Counter[str]()
    for seed in range(200):
        _, request, answer = judgement_row("it looks shaky", str(seed))
        hour, minutes = told(request["content"], "1 hour"), told(request["content"], "5 minutes")
        if min(abs(hour + 1), abs(minutes + 0.5)) > 0.01:  # what is told is rounded
            assert (answer["content"] == "yes") == (hour <= -1 or minutes <= -0.5), request["content"]
        answers[answer["content"]] += 1
    assert set(answers) == {"yes", "no"}
    assert min(answers.values()) > 70


@pytest.mark.parametrize("phrase", PHRASES)
def test_each_look_is_asked_about_as_when_serving_and_has_both_answers(phrase: str) -> None:
    rows = [judgement_row(phrase, str(seed)) for seed in range(40)]
    assert all(row[0]["content"] == judge_prompt.SYSTEM and f'"{phrase}"' in row[1]["content"] for row in rows)
    samples = [Sample(0, index, row[2]["content"], 1, Finish.STOP) for index, row in enumerate(rows)]
    assert {is_yes(sample) for sample in samples} == {True, False}
    assert rows[3] == judgement_row(phrase, "3")


def test_of_orders_programs_approvals_and_judgements_are_learned(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    lines = [
        {"id": f"{name}{number}", "split": "train", "text": text, "draft": reading, "reading": reading}
        for number in range(3)
        for name, (text, reading) in ORDERS.items()
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    rows = {row.id: row for row in read([path], 2)}
    assert list(rows) == [
        "dca0", "judged0", "judged0-trade", "judged0-judge", "dca1", "judged1", "judged1-trade", "judged1-judge",
        "dca2", "judged2", "judged2-trade", "judged2-approve", "judged2-judge",
    ]  # fmt: skip
    approval = rows["judged2-approve"]
    assert list(approval.messages[:2]) == approve_messages(ORDERS["judged"][0], "WETH")
    assert approval.messages[2]["content"].startswith(approval.given)
    assert 'approve("WETH", "all")' in approval.messages[2]["content"]
    assert list(rows) != [row.id for row in read([path])]  # without programs, readings alone
    assert len(read([path])) == 6
