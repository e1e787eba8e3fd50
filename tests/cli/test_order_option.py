"""`--order` of `demo` and `run`: read back before anything starts, or refused with the parser's reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from sentinel.__main__ import app
from sentinel.daemon import serve
from sentinel.paper import demo as paper_demo

ORDER = "Buy 400 USDC worth of WETH, every 1 hour. Keep 500 USDC."
NO_ORDERS = {
    "buy some weth": "this is no order",
    "Buy 10 USDC worth of PEPE, once.": "PEPE is not in network devnet",
    "": "this is no order",
}


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[dict[str, Any]]:
    """What the demo or the daemon was started with, instead of a start."""
    calls: list[dict[str, Any]] = []

    def demo(blocks: int | None, as_json: bool, **given: Any) -> int:
        calls.append(given)
        return 0

    def run(settings: Any, **_: Any) -> int:
        calls.append({"order": settings.strategy.order})
        return 0

    monkeypatch.setattr(paper_demo, "main", demo)
    monkeypatch.setattr(serve, "serve", run)
    monkeypatch.chdir(tmp_path)
    return calls


@pytest.mark.parametrize("command", [("demo",), ("run", "--network", "devnet")])
def test_an_order_is_read_back_before_the_start(started: list[dict[str, Any]], command: tuple[str, ...]) -> None:
    """In the fixed form, whatever its spaces; the same reading is what is traded."""
    result = CliRunner().invoke(app, [*command, "--order", ORDER.replace(" ", "\n  ")])
    assert result.exit_code == 0, result.output
    for line in ("Buy 400 USDC worth of WETH, every 1 hour.", "Keep 500 USDC.", "USDC->WETH; at most 400.00 USDC"):
        assert line in result.output
    ((order),) = [call["order"] for call in started]
    assert " ".join(order.split()) == ORDER


@pytest.mark.parametrize(
    ("command", "text"),
    [
        *((("run", "--network", "devnet"), text) for text in NO_ORDERS),
        *((("demo",), text) for text in NO_ORDERS if text != "buy some weth"),
    ],
)
def test_what_is_no_order_starts_nothing(started: list[dict[str, Any]], command: tuple[str, ...], text: str) -> None:
    """A usage error, with the reason. The demo has words that are no reading read by the student."""
    result = CliRunner().invoke(app, [*command, "--order", text])
    assert (result.exit_code, started) == (2, [])
    assert NO_ORDERS[text] in result.output
