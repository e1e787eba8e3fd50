"""docs/dependencies.md names what is declared, all of it and nothing else."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import debian
import pytest

from sentinel.cli.setup import npm

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
PYPROJECT: Mapping[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = PYPROJECT["project"]


def rows(section: str) -> list[list[str]]:
    """The cells of the section's table, without its head."""
    _, _, rest = PAGE.partition(f"\n## {section}\n")
    lines = [line for line in rest.partition("\n## ")[0].splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[1:]]


def named(section: str) -> list[str]:
    return [row[0].strip("` ") for row in rows(section)]


def packages(requirements: Iterable[str]) -> set[str]:
    """Their names; an extra of our own names others, which stand there for themselves."""
    names = {re.split(r"[<>=!~;\[ ]", requirement, maxsplit=1)[0] for requirement in requirements}
    return names - {PROJECT["name"]}


def lock(name: str) -> list[str]:
    return re.findall(r"^(\S+)==", (ROOT / "requirements" / name).read_text(encoding="utf-8"), re.MULTILINE)


def pinned(*groups: str) -> set[str]:
    """The npm packages that set-up fetches; of one for several platforms the name without the platform."""
    names = {package.name for group in groups for package in npm.pinned(group)}
    return {re.sub(r"-(linux|darwin|win32)-\w+$", "", name) for name in names}


def images() -> set[str]:
    """What the container files start from, and what runs as its maker published it."""
    compose = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    found = set(re.findall(r"image: (\S+/\S+):", compose))
    for path in (ROOT / "deploy" / "docker").glob("Dockerfile*"):
        found |= set(re.findall(r"^FROM (\S+):", path.read_text(encoding="utf-8"), re.MULTILINE))
    return found


@pytest.mark.parametrize(
    ("section", "declared"),
    [
        ("The daemon", packages(PROJECT["dependencies"])),
        ("Extras", packages(one for extra in PROJECT["optional-dependencies"].values() for one in extra)),
        ("Development", packages(PYPROJECT["dependency-groups"]["dev"])),
        (
            "Build",
            packages(PYPROJECT["build-system"]["requires"])
            | packages((ROOT / "requirements" / "build.in").read_text(encoding="utf-8").splitlines())
            | set(lock("uv.txt")),
        ),
        ("npm", pinned("anvil", "solc", "page")),
        ("Contracts", pinned("contracts", "tests")),
        ("Debian", {*debian.UNPACKED, *debian.INSTALLED}),
        ("Containers", images()),
    ],
)
def test_each_section_has_a_row_for_what_is_declared_and_for_nothing_else(section: str, declared: set[str]) -> None:
    assert sorted(named(section)) == sorted(declared)
    assert all(row[1] for row in rows(section))  # what it is for


def test_an_extras_row_names_the_extras_that_bring_it() -> None:
    found = {row[0].strip("` "): set(re.findall(r"`([\w-]+)`", row[1])) for row in rows("Extras")}
    extras = PROJECT["optional-dependencies"]
    brought = {name: packages(of) for name, of in extras.items()}
    for name, of in extras.items():  # "sentinel-trader[plot]" brings what `plot` does
        for inner in re.findall(rf"{PROJECT['name']}\[(\w+)\]", " ".join(of)):
            brought[name] |= brought[inner]
    assert found == {one: {name for name, of in brought.items() if one in of} for one in found}


def test_what_draws_and_what_judges_is_no_part_of_the_daemon() -> None:
    """Nor of its lock, by whatever way."""
    assert not {"matplotlib", "scipy", "numpy", "pillow"} & set(lock("daemon.txt"))
    assert {"matplotlib", "scipy", "jinja2"} <= set(lock("dev.txt"))


def test_parts_that_are_written_by_hand_are_there() -> None:
    places = re.findall(r"`((?:\w+/)+(?:\w+\.py)?)`", "\n".join(row[0] for row in rows("Written by hand")))
    assert len(places) >= 10
    assert [place for place in places if not (ROOT / "sentinel" / place).exists()] == []
