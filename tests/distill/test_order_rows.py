"""Rows of the reader's data: the draft means the order, the words carry its numbers, and the splits are apart."""

from __future__ import annotations

import hashlib
import json
import re
from itertools import combinations, islice
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from sentinel.cli.distill_orders import orders as command
from sentinel.distill.orders.dataset import Row, rows
from sentinel.distill.orders.split import Split, held_pairs, held_rules
from sentinel.orders.language.answers import Question, Refusal
from sentinel.orders.language.drafts import read_draft
from sentinel.orders.language.reading import Ask, Refuse, render
from sentinel.orders.language.reading_parser import parse
from sentinel.orders.typed.order import Order
from tests.data import data_path
from tests.distill.order_numbers import needed, said

FEW, MANY = 300, 8_000
QUOTE = "USDC"


@pytest.fixture(scope="module", params=[FEW, pytest.param(MANY, marks=pytest.mark.proof)])
def drawn(request: pytest.FixtureRequest) -> list[Row]:
    return list(rows(Split.TRAIN, request.param, 16))


@pytest.fixture(scope="module")
def held() -> dict[Split, list[Row]]:
    return {split: list(rows(split, 8, 16)) for split in Split if split is not Split.TRAIN}


def test_the_draft_and_the_reading_mean_the_order(drawn: list[Row]) -> None:
    """Both are read back to it, and a question or refusal is one of the closed sets."""
    for row in drawn:
        assert read_draft(row.draft, QUOTE) == row.reading
        assert parse(render(row.reading), QUOTE) == row.reading
        match row.reading:
            case Ask(what):
                assert Question(what)
            case Refuse(why):
                assert Refusal(why)


def test_the_words_carry_each_number(drawn: list[Row]) -> None:
    """Read from the words by another reader of numbers."""
    for row in drawn:
        if isinstance(row.reading, Order):
            numbers = said(row.text)
            missing = [number for number in needed(row.reading, numbers) if number not in numbers]
            assert not missing, f"{row.text}\n{row.draft}\n{missing}"


def test_no_text_stands_twice_and_none_is_long(drawn: list[Row]) -> None:
    """One line of printable characters each; with numbers masked, hardly any stands twice."""
    texts = [row.text for row in drawn]
    assert len(set(texts)) == len(texts)
    assert all(text.isprintable() and len(text) <= 600 for text in texts)
    assert len({re.sub(r"[\d.,]+", "#", text.lower()) for text in texts}) > 0.9 * len(texts)


def test_no_text_is_near_a_public_order(drawn: list[Row]) -> None:
    """Runs of five words, with numbers masked: never half of a public order's, or of the text's own."""
    lines = data_path("orders", "public.jsonl").read_text().splitlines()
    public = [_runs(json.loads(line)["text"]) for line in lines]
    for row in drawn:
        own = _runs(row.text)
        for other in public:
            assert len(own & other) < 0.5 * min(len(own), len(other)), row.text


def _runs(text: str) -> set[tuple[str, ...]]:
    words = re.sub(r"[^a-z#\s]", " ", re.sub(r"\d[\d.,]*k?", " # ", text.lower())).split()
    return {tuple(words[at : at + 5]) for at in range(max(1, len(words) - 4))}


def test_questions_and_refusals_are_a_sixth(drawn: list[Row]) -> None:
    """About 8 % each."""
    for kind in (Ask, Refuse):
        share = sum(isinstance(row.reading, kind) for row in drawn) / len(drawn)
        assert 0.04 < share < 0.13


def test_training_uses_nothing_that_is_held_out(drawn: list[Row]) -> None:
    """No rule, and no pair of kinds."""
    for row in drawn:
        assert not held_rules() & set(row.rules)
        assert not held_pairs() & {frozenset(pair) for pair in combinations(row.kinds, 2)}


def test_held_out_rows_use_what_is_held_out(held: dict[Split, list[Row]], drawn: list[Row]) -> None:
    """Each split its own, and no text of another."""
    for row in held[Split.WORDINGS]:
        assert held_rules() & set(row.rules)
    for row in held[Split.COMPOSITIONS]:
        assert held_pairs() & {frozenset(pair) for pair in combinations(row.kinds, 2)}
        assert not held_rules() & set(row.rules)
    for row in held[Split.SEEDS]:
        assert not held_rules() & set(row.rules)
        assert not held_pairs() & {frozenset(pair) for pair in combinations(row.kinds, 2)}
    parts = [{" ".join(row.text.lower().split()) for row in part} for part in (drawn, *held.values())]
    assert len(set.union(*parts)) == sum(map(len, parts))


def test_the_same_seed_gives_the_same_bytes(drawn: list[Row]) -> None:
    """A shorter run is the beginning of a longer one; another seed gives other texts."""
    again = [row.line() for row in rows(Split.TRAIN, 20, 16)]
    assert again == [row.line() for row in islice(drawn, 20)]
    assert not {row.text for row in rows(Split.TRAIN, 20, 17)} & {row.text for row in islice(drawn, 20)}


def test_the_command_writes_the_rows_and_their_hash(tmp_path: Path) -> None:
    """And leaves no unfinished file."""
    app = typer.Typer()
    app.command()(command)
    out = tmp_path / "rows.jsonl"
    result = CliRunner().invoke(app, ["--out", str(out), "--split", "train", "--count", "12", "--seed", "3", "--json"])
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout.splitlines()[-1])
    assert report["sha256"] == hashlib.sha256(out.read_bytes()).hexdigest()
    assert report["rows"] == len(out.read_text().splitlines()) == 12
    assert [path.name for path in tmp_path.iterdir()] == ["rows.jsonl"]
