"""Where the local market's prices come from."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from sentinel.core.errors import OperatorError, PriceFault
from sentinel.market import PricePath
from sentinel.market.price_path import WARM_UP
from sentinel.prices.bars import Bar, PriceHistory, PriceSource, packaged

START = 1_672_531_200  # 2023-01-01T00:00Z
SOURCE = PriceSource("own", "ab" * 32)


def history(closes: dict[int, float]) -> PriceHistory:
    """A history with the closes of some minutes after START."""
    bars = (Bar(START + 60 * minute, close, close, close, close, 0.0, None) for minute, close in closes.items())
    return PriceHistory(tuple(bars), SOURCE)


def take(path: PricePath, count: int) -> list[float]:
    return [path.next().weth for _ in range(count)]


def test_replays_the_closes_from_a_time() -> None:
    """One bar a minute from the given time, with the minutes before it known; at its end the path stands."""
    minutes = history({minute: 1000.0 + minute for minute in range(1500)})
    path = PricePath.recorded(minutes, start=START + 60 * 1498, seed=3)
    assert take(path, 2) == [2498.0, 2499.0]
    before = path.exhausted
    assert take(path, 2) == [2499.0] * 2
    assert (before, path.exhausted) == (False, True)
    assert (len(path.before), path.before[-1].weth) == (WARM_UP, 2497.0)
    assert path.source == SOURCE
    assert path.text == f"own sha256 {'ab' * 32} from 2023-01-02T00:58Z to 2023-01-02T00:59Z, WBTC synthetic seed 3"


def test_the_start_is_a_time_whatever_is_missing_before_it() -> None:
    """Rows that a file lacks move nothing: minute 8 is minute 8, and a missing minute keeps the price before it."""
    whole = {minute: 1000.0 + minute for minute in range(12)}
    holes = history({minute: close for minute, close in whole.items() if minute not in (2, 3, 7)})
    path = PricePath.recorded(holes, start=START + 60 * 6)
    assert take(path, 4) == [1006.0, 1006.0, 1008.0, 1009.0]
    assert [bar.weth for bar in path.before] == [1000.0, 1001.0, 1001.0, 1001.0, 1004.0, 1005.0]
    assert "1 missing minutes keep the price before them" in path.text
    assert take(PricePath.recorded(holes, start=START + 60 * 3), 2) == [1001.0, 1004.0]


def test_a_path_ends_at_a_gap_and_no_start_is_inside_one() -> None:
    """Prices never jump over missing data."""
    minutes = history({minute: 1000.0 + minute for minute in (*range(20), *range(60, 90))})
    path = PricePath.recorded(minutes)
    assert take(path, 21) == [1000.0 + minute for minute in range(20)] + [1019.0]
    assert path.exhausted
    later = PricePath.recorded(minutes, start=START + 60 * 61)
    assert (take(later, 1), [bar.weth for bar in later.before]) == ([1061.0], [1060.0])
    with pytest.raises(PriceFault, match="has no minute 2023-01-01T00:30Z; the next minute is 2023-01-01T01:00Z"):
        PricePath.recorded(minutes, start=START + 60 * 30)
    for outside in (START - 60, START + 60 * 90, START + 1):
        with pytest.raises(PriceFault, match="has no minute"):
            PricePath.recorded(minutes, start=outside)


def test_the_packaged_set_is_played_where_nothing_is_named(tmp_path: Path) -> None:
    """With some minutes known before the first one, and whatever other data there are."""
    path = PricePath.of(data_dir=tmp_path)
    bars = packaged().bars
    assert (path.source.name, path.source.sha256) == ("eth-usdc-2022-07", packaged().source.sha256)
    assert [bar.weth for bar in path.before] == [bar.close for bar in bars[:WARM_UP]]
    assert take(path, 2) == [bar.close for bar in bars[WARM_UP : WARM_UP + 2]]


def test_synthetic_prices_never_stand_in_for_others(tmp_path: Path) -> None:
    """They are asked for by name; a set or file that is missing is an error."""
    assert str(PricePath.of("synthetic", seed=9).source) == "synthetic seed 9"
    assert take(PricePath.of("synthetic", seed=9), 3) == take(PricePath.synthetic(9), 3)
    with pytest.raises(OperatorError, match="have no times"):
        PricePath.of("synthetic", start=START)
    with pytest.raises(PriceFault, match="no price set 'none': there are eth-usdc-2022-07, synthetic"):
        PricePath.of("none", data_dir=tmp_path)
    with pytest.raises(PriceFault, match=r"gone\.csv: cannot be read"):
        PricePath.of(str(tmp_path / "gone.csv"), data_dir=tmp_path)


def test_a_synthetic_path_is_seeded_and_plausible() -> None:
    """Equal seeds give equal paths, minutes move like real ones, and the price never runs away."""
    closes = take(PricePath.synthetic(4), 5_000)
    assert closes == take(PricePath.synthetic(4), 5_000)
    assert closes != take(PricePath.synthetic(5), 5_000)
    moves = [abs(b / a - 1) for a, b in itertools.pairwise(closes)]
    assert 0.0003 < sum(moves) / len(moves) < 0.002
    assert max(moves) < 0.01
    assert all(1_000 < close < 3_000 for close in closes)
