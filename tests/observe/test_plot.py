"""Pictures: the same text from the same data, and a clear error where the library is missing."""

from __future__ import annotations

import subprocess
import sys
from xml.etree import ElementTree

import pytest

from sentinel.core.errors import OperatorError
from sentinel.observe import plot

DRAW = """
from sentinel.observe import plot
drawn = plot.axes("a < b & c", "x", "share")
drawn.plot([0, 1], [0.2, 0.4], label="a line", gid="line")
plot.shares(drawn, [(0.5, {"share": 0.3, "low": 0.1, "high": 0.6})], color=plot.ACT, gid="dots")
plot.percent(drawn.yaxis)
print(plot.svg(drawn), end="")
"""


def drawn(seed: str) -> str:
    """By a process of its own, since ids within a file could depend on one."""
    done = subprocess.run(
        [sys.executable, "-c", DRAW], env={"PYTHONHASHSEED": seed, "PYTHONPATH": "."}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_picture_is_the_same_text_each_time() -> None:
    """No date, no random ids; titles and labels are text in it, escaped, and a labelled line has its legend."""
    text = drawn("1")
    assert text == drawn("2")
    said = [part.text for part in ElementTree.fromstring(text).iter("{http://www.w3.org/2000/svg}text")]
    assert {"a < b & c", "x", "share", "a line"} <= set(said)
    assert any(part and part.endswith(" %") for part in said)
    assert text.count('id="line"') == text.count('id="dots"') == 1
    assert "date" not in text


def test_without_the_library_one_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(OperatorError, match=r"pip install sentinel-trader\[plot\]"):
        plot.axes("", "", "")


def test_the_daemon_loads_neither_what_draws_nor_what_judges() -> None:
    """numpy may be there: sqlite-vec takes it where it is installed."""
    code = "import sys, sentinel.daemon.wiring; print(*{'matplotlib', 'scipy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
