"""docs/tools.md says what is: its examples run as they stand."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sentinel.agent.sandbox import Sandbox
from tests.agent.doubles import toolbox

PAGE = (Path(__file__).parents[2] / "docs" / "tools.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```py\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("code", EXAMPLES)
def test_an_example_runs(sandbox: Sandbox, code: str) -> None:
    """To its end, with a look at the market and at most one final action."""
    run = sandbox.run_blocking(code, toolbox())
    assert run.error is None
    assert run.reads
    assert len(run.finals) <= 1


def test_there_are_examples() -> None:
    """An empty list of them would pass."""
    assert len(EXAMPLES) == 3
