"""The wiring stays one straight line: what is built is not rewritten."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import sentinel.daemon
from sentinel.daemon.daemon import Daemon
from sentinel.daemon.execution import Execution
from sentinel.daemon.loop import Loop
from sentinel.daemon.parts import InForce, Parts
from sentinel.daemon.reporting import CycleReporter
from sentinel.daemon.wiring import App

FOLDER = Path(sentinel.daemon.__file__).parent


def test_no_part_is_assigned_to_from_outside() -> None:
    """An object's attributes are its own business: nowhere in daemon/ does one set another's."""
    found = [
        f"{path.relative_to(FOLDER)}:{node.lineno}: {ast.unparse(node)}"
        for path in sorted(FOLDER.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
        if not (isinstance(node.value, ast.Name) and node.value.id == "self")
    ]
    assert found == []


def test_what_is_wired_is_frozen() -> None:
    """Nor can somebody else: the daemon and all that it is put together from refuse it."""
    for kind in (App, Daemon, Loop, CycleReporter, Execution, Parts, InForce):
        params: Any = vars(kind)["__dataclass_params__"]
        assert params.frozen, kind
