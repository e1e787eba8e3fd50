"""The parts of a backtest without a chain: segments, grids, measures, cost basis, and what the page embeds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sentinel.__main__ import app
from sentinel.cli.common import guarded
from sentinel.config.network_file import load_network
from sentinel.core.errors import OperatorError
from sentinel.paper.backtest.cost_basis import CostBasis
from sentinel.paper.backtest.measures import drawdown, mean_interval
from sentinel.paper.backtest.orders import gridded
from sentinel.paper.backtest.page import inert, thinned
from sentinel.paper.backtest.segments import segments
from sentinel.prices.bars import Bar, PriceHistory, PriceSource

NETWORK = load_network("devnet")
START = 1_700_000_040


def history(*minutes: int) -> PriceHistory:
    """Bars at these minutes; each closes at 1,000 and its minute."""
    bars = tuple(Bar(START + 60 * at, *(1_000.0 + at,) * 4, 0.0, None) for at in minutes)
    return PriceHistory(bars, PriceSource("made", "00"))


def test_a_short_gap_keeps_the_price_and_a_long_one_ends_the_run() -> None:
    first, second = segments(history(0, 1, 4, 5, 40, 41), None, None)
    assert first.closes == (1000.0, 1001.0, 1001.0, 1001.0, 1004.0, 1005.0)
    assert (first.start, first.filled) == (START, 2)
    assert (second.start, second.closes, second.before) == (START + 2400, (1040.0, 1041.0), ())


def test_minutes_before_the_first_are_known_and_not_played() -> None:
    (one,) = segments(history(*range(10)), START + 240, START + 480)
    assert (one.start, one.closes) == (START + 240, (1004.0, 1005.0, 1006.0, 1007.0))
    assert one.before == (1000.0, 1001.0, 1002.0, 1003.0)


def test_no_two_minutes_in_a_row_are_an_error_that_says_what_there_is() -> None:
    with pytest.raises(OperatorError, match="made has no 2 minutes in a row"):
        segments(history(0, 1, 2), START + 600, None)


def test_a_grid_multiplies_its_axes_and_names_its_points() -> None:
    orders = gridded("momentum", ["threshold=1%,2%", "over=10 minutes,1 hour"], "WETH", NETWORK)
    assert [order.name for order in orders] == [
        "threshold=1%, over=10 minutes",
        "threshold=1%, over=1 hour",
        "threshold=2%, over=10 minutes",
        "threshold=2%, over=1 hour",
    ]
    assert "over 1 hour is at least 2%" in orders[3].reading


def test_drawdown_is_the_largest_fall_below_the_highest_value_so_far() -> None:
    assert drawdown([100, 120, 90, 130, 117]) == pytest.approx(0.25)
    assert drawdown([1, 2, 3]) == 0.0


def test_an_interval_needs_two_runs_and_is_students() -> None:
    assert mean_interval([0.01])["low"] is None
    two = mean_interval([0.01, 0.03])
    assert two["mean"] == 0.02
    assert two["low"] == pytest.approx(0.02 - 12.706 * 0.01, abs=1e-6)


def test_a_sale_wins_only_above_what_the_coins_cost_with_gas() -> None:
    basis = CostBasis(NETWORK)
    basis.traded("USDC", 1_000, "WETH", 10, gas=50)
    basis.traded("WETH", 5, "USDC", 525, gas=5)  # half of 1,050, and the gas of the sale
    basis.traded("WETH", 5, "USDC", 531, gas=5)
    assert (basis.wins, basis.sales) == (1, 2)


def test_lines_are_thinned_evenly_and_keep_their_end() -> None:
    values = [float(at) for at in range(1_441)]
    short = thinned(values, 720)
    assert len(short) <= 721
    assert short[0] == 0.0
    assert short[-1] == 1440.0
    assert thinned([1.0, 2.0], 720) == [1.0, 2.0]


def test_embedded_data_cannot_end_its_element() -> None:
    text = inert({"why": "</script><script>alert(1)</script>&"})
    assert "<" not in text
    assert "&" not in text
    assert json.loads(str(text)) == {"why": "</script><script>alert(1)</script>&"}


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--grid", "band=x"], "not every value is one of band, such as 5%"),
        (["--grid", "colour=1"], "write PARAMETER=VALUE"),
        (["--grid", "size=1,2"], "preset rebalance makes the same order of size=2"),
        (["--order", "make me rich"], "this is no order"),
        (["--order", "Buy 10 USDC worth of PEPE, once."], "PEPE is not in network devnet"),
        (["--order", "Buy 10 USDC worth of WETH, once.", "--grid", "band=1%"], "--grid changes a preset"),
        (["--file", "nothing.txt"], "--file nothing.txt cannot be read"),
        (["--from", "yesterday"], "write a time in UTC"),
        (["--from", "2022-07-20", "--to", "2022-07-19"], "is not before"),
        (["--from", "2031-01-01"], "has no 2 minutes in a row"),
        (["--prices", "missing.csv"], "missing.csv"),
        (["--proposer", "coin"], "a backtest has oracle or student"),
        (["--seed", "1", "--seed", "1"], "give each seed once"),
        (["--html", "nowhere/page.html"], "there is no folder"),
        (["--set", "limits.max_trade=-1"], "greater than 0"),
    ],
)
def test_bad_input_is_told_in_one_line(
    options: list[str], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert guarded(lambda: app(["backtest", *options])) == 4
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert told in line
