"""Where the local market's prices come from."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from sentinel.core.errors import OperatorError
from sentinel.market import PricePath
from sentinel.market.price_path import FOLDER, WARM_UP

HEADER = (
    "timestamp,netAmount0,netAmount1,closeTick,openTick,lowestTick,highestTick,inAmount0,inAmount1,currentLiquidity"
)


def write_day(root: Path, day: str, ticks: list[int], *, skip: tuple[int, ...] = ()) -> None:
    folder = root / FOLDER
    folder.mkdir(exist_ok=True)
    rows = [
        f"{day} {minute // 60:02}:{minute % 60:02}:00,0,0,{tick},0,0,0,0,0,0"
        for minute, tick in enumerate(ticks)
        if minute not in skip
    ]
    (folder / f"{day}.csv").write_text("\n".join([HEADER, *rows]) + "\n")


def take(path: PricePath, count: int) -> list[float]:
    return [path.next().weth for _ in range(count)]


def test_replays_the_closes_of_the_days(tmp_path: Path) -> None:
    """A bar's price is 1e12 / 1.0001**closeTick, one bar a minute, over midnight, and the path then stands."""
    write_day(tmp_path, "2023-01-01", [202_000 + i for i in range(1440)])
    write_day(tmp_path, "2023-01-02", [202_500, 202_600])
    path = PricePath.load(["2023-01-01", "2023-01-02"], start=1438, data_dir=tmp_path)
    ticks = [203_438, 203_439, 202_500, 202_600]
    assert take(path, 4) == [1e12 / 1.0001**tick for tick in ticks]
    before = path.exhausted
    assert take(path, 2) == [1e12 / 1.0001**202_600] * 2
    assert (before, path.exhausted) == (False, True)
    assert path.source.startswith("eth_usdc_minutes 2023-01-01..2023-01-02 from minute 1438")
    assert len(path.before) == WARM_UP
    assert path.before[-1].weth == 1e12 / 1.0001**203_437


def test_the_day_before_leads_up_to_the_first_bar(tmp_path: Path) -> None:
    """`before` reaches into the previous day's file where there is one."""
    write_day(tmp_path, "2023-01-01", list(range(202_000, 203_440)))
    write_day(tmp_path, "2023-01-02", [202_500, 202_600])
    path = PricePath.load(["2023-01-02"], start=1, data_dir=tmp_path)
    assert [bar.weth for bar in path.before[-2:]] == [1e12 / 1.0001**tick for tick in (203_439, 202_500)]
    assert take(path, 1) == [1e12 / 1.0001**202_600]


def test_a_minute_without_swaps_keeps_the_price(tmp_path: Path) -> None:
    """Missing rows are minutes in which the price stood."""
    write_day(tmp_path, "2023-01-01", [202_000, 1, 1, 202_003], skip=(1, 2))
    path = PricePath.load(["2023-01-01"], data_dir=tmp_path)
    assert take(path, 4) == [1e12 / 1.0001**tick for tick in (202_000, 202_000, 202_000, 202_003)]


def test_a_gap_is_refused_where_days_were_asked_for(tmp_path: Path) -> None:
    """Prices never jump over missing data: neither missing minutes nor missing days."""
    write_day(tmp_path, "2023-01-01", [202_000] * 100, skip=tuple(range(20, 60)))
    write_day(tmp_path, "2023-01-03", [202_000])
    with pytest.raises(OperatorError, match="without a gap"):
        PricePath.load(["2023-01-01"], data_dir=tmp_path)
    with pytest.raises(OperatorError, match="not consecutive"):
        PricePath.load(["2023-01-01", "2023-01-03"], data_dir=tmp_path)


def test_missing_data_falls_to_synthetic_and_says_so(tmp_path: Path) -> None:
    """Without the data the market still runs, and its source names the reason."""
    path = PricePath.load(seed=9, data_dir=tmp_path)
    assert path.source == "synthetic seed 9 (no eth_usdc_minutes in the data folder)"
    write_day(tmp_path, "2023-01-01", [202_000])
    path = PricePath.load(["2023-01-01", "2023-01-02"], seed=9, data_dir=tmp_path)
    assert path.source == "synthetic seed 9 (no 2023-01-02.csv in the data folder)"
    assert take(path, 3) == take(PricePath.synthetic(9), 3)


def test_a_synthetic_path_is_seeded_and_plausible() -> None:
    """Equal seeds give equal paths, minutes move like real ones, and the price never runs away."""
    closes = take(PricePath.synthetic(4), 5_000)
    assert closes == take(PricePath.synthetic(4), 5_000)
    assert closes != take(PricePath.synthetic(5), 5_000)
    moves = [abs(b / a - 1) for a, b in itertools.pairwise(closes)]
    assert 0.0003 < sum(moves) / len(moves) < 0.002
    assert max(moves) < 0.01
    assert all(1_000 < close < 3_000 for close in closes)
