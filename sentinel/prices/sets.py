"""Named sets of prices: those that ship with Sentinel, and the operator's own in SENTINEL_DATA_DIR.

An own set is a price file of the folder, or a folder of price files; its name is that of the file or folder.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sentinel.core.errors import PriceFault
from sentinel.prices.bars import SYNTHETIC, PriceHistory, is_price_file, packaged, packaged_names, read_prices
from sentinel.prices.synthetic import synthetic_prices


@dataclass(frozen=True, slots=True)
class NamedSet:
    """One set of the list: its prices, or the fault for which it cannot be read."""

    name: str
    packaged: bool
    prices: PriceHistory | None
    fault: str = ""


def prices_of(name: str, folder: Path, seed: int) -> PriceHistory:
    """The prices of a packaged set, of an own set in `folder`, of a file or folder by its path, or SYNTHETIC ones.

    `seed` is that of synthetic prices, which nothing but their name gives. Raises PriceFault and OperatorError as
    `read_prices` does, and PriceFault if there is no such set.
    """
    if name == SYNTHETIC:
        return synthetic_prices(seed)
    own = own_sets(folder)
    if name in packaged_names():
        if name in own:
            raise PriceFault(f"{name!r} is also a packaged set: give your own another name", folder)
        return packaged(name)
    if name in own:
        return read_prices(own[name], name)
    path = Path(name).expanduser()
    if path.is_dir():
        return read_prices(_files(path), path.resolve().name)
    if path.exists() or is_price_file(path) or path.name != name:
        return read_prices([path])
    known = ", ".join((*packaged_names(), *own, SYNTHETIC))
    raise PriceFault(f"no price set {name!r}: there are {known}; or name a file", None)


def all_sets(folder: Path) -> Iterator[NamedSet]:
    """Every packaged set and every own one in `folder`, with what is wrong with those that cannot be read."""
    for name in packaged_names():
        yield NamedSet(name, True, packaged(name))
    for name, paths in own_sets(folder).items():
        try:
            yield NamedSet(name, False, read_prices(paths, name))
        except PriceFault as fault:
            yield NamedSet(name, False, None, str(fault))


def own_sets(folder: Path) -> dict[str, list[Path]]:
    """The files of each set in `folder`, by name. Folders without a price file are no sets.

    Raises PriceFault if two sets have one name.
    """
    sets: dict[str, list[Path]] = {}
    for path in _entries(folder) if folder.is_dir() else ():
        files = [path] if is_price_file(path) else _files(path) if path.is_dir() else []
        name = path.name if path.is_dir() else path.name.partition(".")[0]
        if files and name in sets:
            raise PriceFault(f"two sets are named {name!r}: rename one", path)
        if files:
            sets[name] = files
    return sets


def _files(folder: Path) -> list[Path]:
    return [path for path in _entries(folder) if is_price_file(path)]


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        raise PriceFault(f"cannot be read: {error.strerror or error}", folder) from error
