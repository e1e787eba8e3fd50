"""Named sets of prices, and the commands that list and check them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sentinel.__main__ import app
from sentinel.core.errors import PriceFault
from sentinel.prices import bars as price_bars
from sentinel.prices.bars import packaged, packaged_names
from sentinel.prices.sets import all_sets, prices_of
from sentinel.prices.synthetic import synthetic_prices
from tests.data import data_path

HEADER = "time,open,high,low,close,volume"


def write(path: Path, *minutes: int, last: str = "") -> Path:
    path.parent.mkdir(exist_ok=True)
    rows = [f"{1658188800 + 60 * minute},1,1,1,1,0" for minute in minutes]
    path.write_text("\n".join([HEADER, *rows, *([last] if last else [])]) + "\n")
    return path


def test_the_packaged_days_are_those_of_the_source() -> None:
    """Two whole days, minute by minute as the source's own files have them, with their licence beside them."""
    history = packaged()
    assert (len(history.bars), history.gaps) == (2880, ())
    files = [data_path("eth_usdc_minutes", f"2022-07-{day}.csv") for day in (19, 20)]
    assert history.bars == price_bars.read_prices(files).bars
    folder = Path(price_bars.__file__).parent / "sets"
    notice = (folder / "LICENSE").read_text()
    assert data_path("eth_usdc_minutes", "LICENSE").read_text().strip() in notice
    for name in packaged_names():
        assert f"{name}.csv.gz" in notice
        content = (folder / f"{name}.csv.gz").read_bytes()
        assert packaged(name).source.sha256 == hashlib.sha256(content).hexdigest()


def test_own_sets_are_files_and_folders_of_the_data_folder(tmp_path: Path) -> None:
    """By their names; a path works too. What cannot be read is listed with its fault, and no other set suffers."""
    write(tmp_path / "one.csv", 0, 1, 5)
    write(tmp_path / "days" / "a.csv", 0, 1)
    write(tmp_path / "days" / "b.csv", 2)
    write(tmp_path / "bad.csv", 0, 0)
    (tmp_path / "notes.txt").write_text("no prices")
    (tmp_path / "empty").mkdir()
    named = {each.name: each for each in all_sets(tmp_path)}
    assert list(named) == ["eth-usdc-2022-07", "bad", "days", "one"]
    assert named["bad"].prices is None
    assert "bad.csv, line 3: minute 2022-07-19T00:00Z comes twice" in named["bad"].fault
    assert len(prices_of("days", tmp_path, 1).bars) == len(prices_of(str(tmp_path / "days"), tmp_path, 1).bars) == 3
    assert prices_of(str(tmp_path / "one.csv"), tmp_path / "empty", 1).source.name == "one.csv"
    assert prices_of("one", tmp_path, 1).source.name == "one"
    write(tmp_path / "one" / "a.csv", 0)
    with pytest.raises(PriceFault, match="two sets are named 'one'"):
        prices_of("one", tmp_path, 1)


def test_an_own_set_never_hides_behind_a_packaged_name(tmp_path: Path) -> None:
    """Which of the two was played would be unclear."""
    write(tmp_path / "eth-usdc-2022-07.csv", 0)
    with pytest.raises(PriceFault, match="also a packaged set"):
        prices_of("eth-usdc-2022-07", tmp_path, 1)


def test_a_synthetic_history_is_that_of_its_seed() -> None:
    """It names the seed, and each bar begins where the one before it ended."""
    history = synthetic_prices(5, 100)
    assert history.source.as_json() == {"name": "synthetic", "seed": 5}
    assert len(history.segments) == 1
    assert all(after.open == before.close for before, after in zip(history.bars, history.bars[1:], strict=False))
    assert history.bars == synthetic_prices(5, 200).bars[:100]
    assert history.bars != synthetic_prices(6, 100).bars


def test_check_prints_a_line_for_each_fault_and_gap(tmp_path: Path) -> None:
    """All of a file's faults at once; exit code 4 for faults, 0 for gaps alone."""
    bad = write(tmp_path / "bad.csv", 0, 1, 4, 4, last="1658189160,1,1,2,1,nan")
    good = write(tmp_path / "good.csv", 0, 1, 4)
    both = CliRunner().invoke(app, ["data", "check", str(bad), str(good)])
    assert both.exit_code == 4
    assert both.stdout.splitlines() == [
        f"fault  {bad}, line 5: minute 2022-07-19T00:04Z comes twice",
        f"fault  {bad}, line 6: volume 'nan' is not a number",
        f"gap    {bad}: 2022-07-19T00:02Z to 2022-07-19T00:03Z: 2 minutes missing",
        f"gap    {bad}: 2022-07-19T00:05Z: 1 minute missing",
        f"gap    {good}: 2022-07-19T00:02Z to 2022-07-19T00:03Z: 2 minutes missing",
        f"ok     {good}: 2022-07-19T00:00Z to 2022-07-19T00:04Z, 3 minutes, "
        f"sha256 {hashlib.sha256(good.read_bytes()).hexdigest()}",
    ]
    alone = CliRunner().invoke(app, ["data", "check", str(good), "--json"])
    assert alone.exit_code == 0
    (report,) = json.loads(alone.stdout)
    assert report["gaps"] == [{"start": 1658188920, "minutes": 2}]
    missing = CliRunner().invoke(app, ["data", "check", str(tmp_path / "none.csv")])
    assert (missing.exit_code, "none.csv: cannot be read" in missing.stdout) == (4, True)


def test_list_shows_every_set_with_its_hash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Name, span, minutes, gaps and SHA-256."""
    own = write(tmp_path / "own.csv", 0, 3)
    monkeypatch.setenv("SENTINEL_DATA_DIR", str(tmp_path))
    shown = json.loads(CliRunner().invoke(app, ["data", "list", "--json"]).stdout)
    assert shown[1] == {
        "name": "own",
        "packaged": False,
        "span": "2022-07-19T00:00Z to 2022-07-19T00:03Z",
        "minutes": 2,
        "gaps": 1,
        "missing": 2,
        "sha256": hashlib.sha256(own.read_bytes()).hexdigest(),
    }
    text = CliRunner().invoke(app, ["data", "list"]).stdout
    assert "own       2022-07-19T00:00Z to 2022-07-19T00:03Z  2 minutes  1 gaps (2 minutes)" in text
