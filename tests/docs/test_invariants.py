"""docs/invariants.md says of each invariant where it is guarded and tested; this holds the page to the code."""

from __future__ import annotations

import ast
import re
import subprocess
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "invariants.md"
CODES = [f"I{number}" for number in range(1, 36)]
CITED = re.compile(r"(?<![\w.`/-])I([1-9][0-9]?)(?![\w%-])")
SEARCHED = ("sentinel", "lab", "tests", "docs", "deploy", "README.md", "SECURITY.md", "CONTRIBUTING.md")


def rows() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if re.fullmatch(r"I\d+", cells[0]):
            assert cells[0] not in found, f"{cells[0]} has two rows"
            found[cells[0]] = cells[1:]
    return found


@cache
def definitions(path: str) -> frozenset[str]:
    """Functions of a file, methods as `Class.method`."""
    names: set[str] = set()
    for node in ast.parse((ROOT / path).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.ClassDef):
            methods = (n for n in node.body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef))
            names |= {f"{node.name}.{method.name}" for method in methods}
    return frozenset(names)


def test_every_invariant_has_one_row() -> None:
    """I1 to I35, in order, and nothing else."""
    assert list(rows()) == CODES


@pytest.mark.parametrize("code", CODES)
def test_what_a_row_cites_is_there(code: str) -> None:
    """Guards and tests exist; only a row that says 'not yet' may have none."""
    statement, guards, tests, held = rows()[code]
    assert statement.endswith(".")
    assert held == "yes" or held.startswith(("yes, ", "not yet: "))
    for cell, mark in ((guards, ":"), (tests, "::")):
        cited = re.findall(r"`([^`]+)`", cell)
        assert cited or (cell == "none" and held.startswith("not yet")), f"{code} cites nothing and is said to be held"
        for entry in cited:
            path, name = entry.split(mark)
            assert name in definitions(path), f"{code}: no {name} in {path}"


def test_no_code_is_cited_that_the_page_does_not_define() -> None:
    """An I-number in code, tests or documents means one of these rows."""
    files = subprocess.run(
        ["git", "ls-files", "-z", *SEARCHED], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split("\0")
    unknown = {
        f"{name}: I{number}"
        for name in files
        if name.endswith((".py", ".md", ".sol", ".yml")) and (ROOT / name).is_file()
        for number in CITED.findall((ROOT / name).read_text(encoding="utf-8"))
        if f"I{number}" not in CODES
    }
    assert not unknown
