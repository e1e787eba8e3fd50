"""The recipe for a rule in CONTRIBUTING.md works as it stands: its names exist, and the rule does what its row says."""

from __future__ import annotations

import ast
import builtins
import re
import textwrap
from pathlib import Path

import pytest

from sentinel.decide import case as shared
from sentinel.decide import policy
from tests.decide import edges
from tests.decide.world import World

PAGE = Path(__file__).resolve().parents[2] / "CONTRIBUTING.md"
BLOCKS = [
    textwrap.dedent(block)
    for block in re.findall(r"^ *```python\n(.*?)^ *```$", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
]


def rules(block: str) -> list[ast.FunctionDef]:
    """The functions of a block that take a Case. A row of EDGES is no program by itself, and has none."""
    try:
        body = ast.parse(block).body
    except SyntaxError:
        return []
    functions = [node for node in body if isinstance(node, ast.FunctionDef)]
    return [function for function in functions if [argument.arg for argument in function.args.args] == ["case"]]


def missing(rule: ast.FunctionDef) -> set[str]:
    """What a rule names beside Python's own, its argument and its variables, and sentinel.decide.case does not have."""
    names = [node for node in ast.walk(rule) if isinstance(node, ast.Name)]
    own = {"case"} | {name.id for name in names if isinstance(name.ctx, ast.Store)}
    return {name.id for name in names} - own - set(vars(builtins)) - set(vars(shared))


RULES = [(block, rule) for block in BLOCKS for rule in rules(block)]


def test_there_is_a_rule_to_look_at() -> None:
    assert [rule.name for _, rule in RULES] == ["split_size"]


@pytest.mark.parametrize("rule", [rule for _, rule in RULES], ids=lambda rule: rule.name)
def test_what_a_rule_names_is_there(rule: ast.FunctionDef) -> None:
    assert missing(rule) == set()


def test_a_name_that_is_gone_is_found() -> None:
    """Called, and in the signature."""
    block = "def rule(case: Case) -> Gone:\n    size = value_in(case)\n    return len(size) < 5, worth_in(case, size)"
    assert [missing(rule) for rule in rules(block)] == [{"Gone", "worth_in"}]


@pytest.mark.parametrize(("block", "rule"), RULES, ids=[rule.name for _, rule in RULES])
def test_a_rule_refuses_what_its_row_says(block: str, rule: ast.FunctionDef, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pasted into the files that the recipe names, function and row hold: inside passes, outside it alone refuses."""
    in_rules, in_edges = dict(vars(shared)), dict(vars(edges))
    exec(block, in_rules)
    monkeypatch.setattr(policy, "SWAP_RULES", (*policy.SWAP_RULES, in_rules[rule.name]))
    (row,) = [text for text in BLOCKS if text.startswith(f'"{rule.name}":')]
    rows: dict[str, list[tuple[World, World]]] = eval("{" + row + "}", in_edges)
    for inside, outside in rows[rule.name]:
        assert inside.refused_finally() == set()
        assert inside.refused_on_screen() is None
        assert outside.refused_finally() == {rule.name}
        assert outside.refused_on_screen() == rule.name
