"""Price files are read strictly: every fault names its file and line, and gaps shift nothing."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from sentinel.core.errors import OperatorError, PriceFault
from sentinel.prices.bars import Bar, read_prices
from tests.data import data_path

HEADER = "time,open,high,low,close,volume"
TICKS = "timestamp,netAmount0,netAmount1,closeTick,openTick,lowestTick,highestTick,inAmount0,inAmount1,currentLiquidity"
GOOD = "1658188800,100,110,90,105,12.5"


def write(folder: Path, text: str | bytes, name: str = "own.csv") -> Path:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def ticks(minute: str, close: str, opened: str, low: str, high: str, amounts: str = "0,0") -> str:
    return f"{minute},{amounts},{close},{opened},{low},{high},0,0,7"


def test_the_documented_form_is_read(tmp_path: Path) -> None:
    """Times as unix seconds or in ISO, all of them UTC; an optional last column holds the pool's liquidity."""
    rows = [GOOD, "2022-07-19T00:01:00Z,1e2,1.1e2,90,105,0", "2022-07-19 00:02,100,110,90,105,0"]
    history = read_prices([write(tmp_path, "\r\n".join([HEADER, *rows]))])
    assert history.bars[0] == Bar(1658188800, 100.0, 110.0, 90.0, 105.0, 12.5, None)
    assert [bar.time - 1658188800 for bar in history.bars] == [0, 60, 120]
    deep = read_prices([write(tmp_path, f"{HEADER},liquidity\n{GOOD},{2**90}\n")])
    assert deep.bars[0].liquidity == 2**90


def test_the_tick_form_is_read_with_integers_that_are_written_as_floats(tmp_path: Path) -> None:
    """A price is 1e12 / 1.0001**tick, so the highest price is that of the lowest tick. The last swap always counts."""
    whole = ticks("2024-02-15 00:00:00", "197030.0", "197026.0", "197026.0", "197029.0")
    (bar,) = read_prices([write(tmp_path, f"{TICKS}\n{whole}\n")]).bars
    price = {tick: 1e12 / 1.0001**tick for tick in (197026, 197030)}
    assert bar == Bar(1707955200, price[197026], price[197026], price[197030], price[197030], 0.0, 7)


def test_every_given_day_is_read() -> None:
    """The real files too, those of 2024 and 2025 with their floats; what one of them lacks is a gap at its own time."""
    folders = [data_path("eth_usdc_minutes"), data_path("eth_usdc_minutes_more")]
    history = read_prices([path for folder in folders for path in sorted(folder.glob("*.csv"))])
    assert len(history.bars) == 46_070
    assert [str(gap) for gap in history.gaps][:4] == [
        "2022-07-24T00:00Z: 1 minute missing",
        "2022-08-02T00:00Z: 1 minute missing",
        "2022-08-08T00:00Z: 1 minute missing",
        "2022-08-11T00:00Z to 2022-08-11T00:01Z: 2 minutes missing",
    ]
    assert [len(segment) for segment in history.segments][-2:] == [1440, 1439]
    assert {bar.time % 60 for bar in history.bars} == {0}


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("", 1, "empty"),
        (f"{HEADER}\n", None, "holds no minute"),
        (f"open,time,high,low,close,volume\n{GOOD}\n", 1, "header"),
        (f"{HEADER}, \n{GOOD}\n", 1, "header"),
        (f"\ufeff{HEADER}\n{GOOD}\n", 1, "byte-order mark"),
        (f"{HEADER}\n{GOOD}\n\n1658188860,1,1,1,1,0\n", 3, "blank"),
        (f"{HEADER}\n{GOOD}\n1658188860,,110,90,105,1\n", 3, "open is blank"),
        (f"{HEADER}\n{GOOD}\n1658188860,100,110,90,105,\n", 3, "volume is blank"),
        (f"{HEADER}\n,100,110,90,105,1\n", 2, "time is blank"),
        (f"{HEADER}\n1658188800,nan,110,90,105,1\n", 2, "'nan' is not a number"),
        (f"{HEADER}\n1658188800,100,inf,90,105,1\n", 2, "'inf' is not a number"),
        (f"{HEADER}\n1658188800,100,1e400,90,105,1\n", 2, "'1e400' is not a number"),
        (f"{HEADER}\n1658188800,1_00,110,90,105,1\n", 2, "'1_00' is not a number"),
        (f"{HEADER}\n1658188800,0,0,0,0,1\n", 2, "no price"),
        (f"{HEADER}\n1658188800,100,110,90,105,-1\n", 2, "no amount"),
        (f"{HEADER}\n1658188800,100,90,110,105,1\n", 2, "high 90.0 is below low 110.0"),
        (f"{HEADER}\n1658188800,100,110,90,111,1\n", 2, "close 111.0 is outside"),
        (f"{HEADER}\n{GOOD}\n{GOOD}\n", 3, "2022-07-19T00:00Z comes twice"),
        (f"{HEADER}\n{GOOD}\n1658188740,100,110,90,105,1\n", 3, "must ascend"),
        (f"{HEADER}\n1658188801,100,110,90,105,1\n", 2, "not the start of a minute"),
        (f"{HEADER}\n1658188800000,100,110,90,105,1\n", 2, "time"),
        (f"{HEADER}\n2022-07-19T00:00:00+02:00,100,110,90,105,1\n", 2, "neither unix seconds nor"),
        (f"{HEADER}\n1658188800,100,110,90,105\n", 2, "5 values under a header of 6"),
        (f'{HEADER}\n"1658188800,100,110,90,105,1\n', 2, "no CSV"),
        (f"{HEADER}\n{GOOD}é\n".encode(), 2, "byte 0xc3"),
        (f"{TICKS}\n{ticks('2024-02-15 00:00:00', '197030.5', '197030', '197030', '197030')}\n", 2, "'197030.5'"),
        (f"{TICKS}\n{ticks('2024-02-15 00:00:00', '', '197030', '197030', '197030')}\n", 2, "closeTick is blank"),
        (f"{TICKS}\n{ticks('2024-02-15 00:00:00', '1', '1', '2', '0')}\n", 2, "outside lowestTick 2"),
        (f"{TICKS}\n{ticks('2024-02-15 00:00:00', '900000', '1', '1', '1')}\n", 2, "beyond the ticks"),
        (f"{TICKS}\n{ticks('2024-02-15 00:00:00', '1', '1', '1', '1', '5,0')}\n", 2, "below netAmount"),
    ],
)
def test_a_fault_names_its_file_and_line(tmp_path: Path, text: str | bytes, line: int | None, what: str) -> None:
    """One line that says what is wrong, and where."""
    path = write(tmp_path, text)
    with pytest.raises(PriceFault) as raised:
        read_prices([path])
    assert (raised.value.path, raised.value.line) == (path, line)
    assert what in raised.value.what
    assert str(raised.value).startswith(f"{path}, line {line}: " if line else f"{path}: ")


def test_several_files_are_one_history(tmp_path: Path) -> None:
    """In the order of their times. A minute in two files is a fault, and so is a file that cannot be read."""
    second = write(tmp_path, f"{HEADER}\n1658188860,1,1,1,1,0\n", "b.csv")
    first = write(tmp_path, gzip.compress(f"{HEADER}\n{GOOD}\n".encode()), "a.csv.gz")
    history = read_prices([second, first])
    assert ([bar.time for bar in history.bars], history.source.name) == ([1658188800, 1658188860], "a.csv.gz..b.csv")
    assert history.source.sha256 == read_prices([first, second]).source.sha256
    assert history.source.sha256 != read_prices([first]).source.sha256
    again = write(tmp_path, f"{HEADER}\n1658188860,1,1,1,1,0\n", "c.csv")
    with pytest.raises(PriceFault, match=r"c\.csv: minute 2022-07-19T00:01Z is also in .*b\.csv"):
        read_prices([first, second, again])
    with pytest.raises(PriceFault, match=r"none\.csv: cannot be read: No such file"):
        read_prices([tmp_path / "none.csv"])
    with pytest.raises(PriceFault, match="damaged"):
        read_prices([write(tmp_path, first.read_bytes()[:-9], "cut.csv.gz")])
    with pytest.raises(PriceFault, match=r"must end in \.csv"):
        read_prices([write(tmp_path, GOOD, "prices.txt")])


def test_a_gap_is_reported_and_shifts_no_time(tmp_path: Path) -> None:
    """Segments end at gaps, and a part of the history is chosen by its time, not by its row."""
    minutes = [0, 1, 5, 6, 7, 9]
    rows = [f"{1658188800 + 60 * minute},1,1,1,{'1'},{minute}" for minute in minutes]
    history = read_prices([write(tmp_path, "\n".join([HEADER, *rows]))])
    assert [(gap.start, gap.minutes) for gap in history.gaps] == [(1658188920, 3), (1658189280, 1)]
    assert (history.missing, [len(segment) for segment in history.segments]) == (4, [2, 3, 1])
    part = history.between(1658188800 + 60 * 5, 1658188800 + 60 * 9)
    assert [bar.volume for bar in part.bars] == [5, 6, 7]
    assert part.source == history.source
    assert history.between(1658188800 + 60 * 2, 1658188800 + 60 * 5).bars == ()


def test_parquet_holds_the_same_columns(tmp_path: Path) -> None:
    """Times as integers or timestamps. A null is a fault with its row; a wrong column is one too."""
    pyarrow = pytest.importorskip("pyarrow", reason="the extra `parquet` is not installed")
    from pyarrow import parquet

    def file(name: str, **columns: object) -> Path:
        table = {"time": [1658188800, 1658188860], "open": [1.0, 1.0], "high": [2.0, 2.0], "low": [1.0, 1.0]}
        table |= {"close": [1.5, 1.5], "volume": [0.0, 3.0]} | columns
        parquet.write_table(pyarrow.table(table), tmp_path / name)
        return tmp_path / name

    expected = [(1658188800, 1.5, 0.0), (1658188860, 1.5, 3.0)]
    stamps = pyarrow.array([1658188800, 1658188860], pyarrow.timestamp("s", tz="UTC"))
    for path in (file("a.parquet"), file("b.parquet", time=stamps)):
        assert [(bar.time, bar.close, bar.volume) for bar in read_prices([path]).bars] == expected
    faults = {
        "row": (file("c.parquet", close=[1.5, None]), "line 2: close is blank"),
        "nan": (file("d.parquet", close=[float("nan"), 1.5]), "line 1: close nan is not a number"),
        "twice": (file("e.parquet", time=[1658188800, 1658188800]), "line 2: minute 2022-07-19T00:00Z comes twice"),
        "name": (file("f.parquet", price=[1, 2]), "the columns are"),
        "none": (write(tmp_path, "PAR1", "g.parquet"), "no Parquet file"),
    }
    for path, what in faults.values():
        with pytest.raises(PriceFault, match=what):
            read_prices([path])


def test_without_pyarrow_the_error_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Parquet is optional."""
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(OperatorError, match=r"pip install 'sentinel-trader\[parquet\]'"):
        read_prices([write(tmp_path, b"PAR1", "own.parquet")])
