"""What the pages say of the code is there: every cited file, every `file:function`, every link to a file."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    [
        *CHECKOUT.glob("*.md"),
        *(CHECKOUT / "docs").rglob("*.md"),
        CHECKOUT / "examples" / "README.md",
        CHECKOUT / "requirements" / "README.md",
    ]
)
FOLDERS = "sentinel|lab|tests|docs|deploy|examples|models|requirements"
FILE = re.compile(rf"`((?:{FOLDERS})/[\w./-]*)(?::([A-Za-z_][\w.]*))?`")
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
OF_THEIR_TIME = {"CHANGELOG.md", "docs/adr", "docs/experiments.md"}  # they tell what was, under the names of then


def name(page: Path) -> str:
    return str(page.relative_to(CHECKOUT))


@cache
def defined(path: Path) -> frozenset[str]:
    """Functions, classes and their methods, and what is assigned at the top of a module, by qualified name."""
    found: set[str] = set()

    def walk(body: list[ast.stmt], prefix: str) -> None:
        for node in body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                found.add(prefix + node.name)
                if isinstance(node, ast.ClassDef):
                    walk(node.body, f"{prefix}{node.name}.")
            elif isinstance(node, ast.Assign):
                found.update(prefix + target.id for target in node.targets if isinstance(target, ast.Name))
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                found.add(prefix + node.target.id)

    walk(ast.parse(path.read_text(encoding="utf-8")).body, "")
    return frozenset(found)


def wrong(text: str) -> list[str]:
    """What a page cites and the checkout does not have."""
    found = []
    for file, function in FILE.findall(text):
        path = CHECKOUT / file
        if any(mark in file for mark in ("NAME", "...")):  # a pattern, not a file
            continue
        if not path.exists():
            found.append(file)
        elif function and function not in defined(path):
            found.append(f"{file}:{function}")
    return found


@pytest.mark.parametrize("page", [page for page in PAGES if not name(page).startswith(tuple(OF_THEIR_TIME))], ids=name)
def test_cited_code_exists(page: Path) -> None:
    assert wrong(page.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_to_files(page: Path) -> None:
    links = [link for link in LINK.findall(page.read_text(encoding="utf-8")) if "://" not in link]
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_each_walk_cites_its_steps() -> None:
    """The four walks name a function at every step, so that the test above holds all of each walk to the code."""
    text = (CHECKOUT / "docs" / "architecture.md").read_text(encoding="utf-8")
    walks = re.findall(r"## The walk of one (\w+)\n(.*?)(?=\n## )", text, re.DOTALL)
    assert [walk for walk, _ in walks] == ["block", "candidate", "intent", "setting"]
    for walk, body in walks:
        steps = re.split(r"\n\d+\. ", body)[1:]
        assert len(steps) >= 7, walk
        assert not [step for step in steps if not FILE.search(step)], walk


def test_a_wrong_citation_is_found() -> None:
    """A file, a function and a method that are not there; what is there is not complained about."""
    cited = "`sentinel/gone.py` `sentinel/cycle.py:gone` `sentinel/cycle.py:Cycle.gone` `sentinel/cycle.py:Cycle.run`"
    assert wrong(cited) == ["sentinel/gone.py", "sentinel/cycle.py:gone", "sentinel/cycle.py:Cycle.gone"]
