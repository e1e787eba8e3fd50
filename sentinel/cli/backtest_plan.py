"""From the options of `sentinel backtest` to what is played. Everything is read and checked before a market starts."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sentinel.cli import common
from sentinel.config import settings as settings_
from sentinel.config.contradictions import require_consistent
from sentinel.config.network_file import load_network
from sentinel.config.settings import Settings, environment
from sentinel.config.terms import Terms
from sentinel.core.errors import OperatorError
from sentinel.core.host import places
from sentinel.paper.backtest.orders import NamedOrder, given, gridded
from sentinel.paper.backtest.replay import NETWORK, common_values
from sentinel.paper.backtest.report import Plan
from sentinel.paper.backtest.segments import segments
from sentinel.prices.bars import PriceHistory, packaged, read_prices
from sentinel.prices.sets import prices_of

PROPOSERS = ("oracle", "student")
SHOWN_SETTINGS = ("limits", "vote", "strategy", "model")  # groups without a secret
HIDDEN_SETTINGS = ("ORDER", "MODEL__URL")
MAX_SEEDS = 100


@dataclass(frozen=True, slots=True)
class Asked:
    """The options, as they were written."""

    prices: Sequence[str]
    start: str | None
    end: str | None
    orders: Sequence[str]
    file: Path | None
    preset: str
    grids: Sequence[str]
    proposer: str
    seeds: Sequence[int]


def plan_of(asked: Asked, explicit: Mapping[str, Any], env_file: Path) -> Plan:
    """`explicit`: the settings of the command line. Raises OperatorError with what to write instead."""
    if asked.proposer not in PROPOSERS:
        raise OperatorError(f"--proposer {asked.proposer}: a backtest has {' or '.join(PROPOSERS)}")
    if len(set(asked.seeds)) < len(asked.seeds) or len(asked.seeds) > MAX_SEEDS:
        raise OperatorError(f"--seed: give each seed once, and at most {MAX_SEEDS}")
    start, end = _time(asked.start, "--from"), _time(asked.end, "--to")
    if start is not None and end is not None and start >= end:
        raise OperatorError(f"--from {asked.start} is not before --to {asked.end}")
    network, orders = load_network(NETWORK), _orders(asked, explicit, env_file)
    loaded = settings_.load(env_file, **common_values(explicit, orders[0].reading))
    require_consistent(loaded, network)
    Terms.of(loaded, network)
    history = _history(asked.prices, loaded, asked.seeds[0])
    return Plan(history, segments(history, start, end), orders, tuple(asked.seeds), asked.proposer, _given(loaded))


def _history(names: Sequence[str], settings: Settings, seed: int) -> PriceHistory:
    if not names:
        return packaged()
    if len(names) == 1:
        return prices_of(names[0], settings.data_dir or places.data_dir(), seed)
    return read_prices([Path(name) for name in names])


def _orders(asked: Asked, explicit: Mapping[str, Any], env_file: Path) -> tuple[NamedOrder, ...]:
    network, texts, file = load_network(NETWORK), asked.orders, asked.file
    if (texts or file is not None) and asked.grids:
        raise OperatorError("--grid changes a preset, so it takes neither --order nor --file")
    if file is not None:
        try:
            paragraphs = re.split(r"\n\s*\n", file.read_text())
        except (OSError, UnicodeDecodeError) as error:
            raise OperatorError(f"--file {file} cannot be read: {error}") from error
        texts = [*texts, *(text for text in paragraphs if text.strip())]
        if not texts:
            raise OperatorError(f"--file {file} holds no order")
    if texts:
        return given(texts, network)
    base = common.load([], env_file, strategy=explicit.get("strategy", {})).strategy.base
    return gridded(asked.preset, asked.grids, base, network)


def _time(text: str | None, option: str) -> int | None:
    """Unix seconds of a time in UTC."""
    if text is None:
        return None
    try:
        time = dt.datetime.fromisoformat(text)
    except ValueError:
        raise OperatorError(f"{option} {text}: write a time in UTC as 2022-07-19 or 2022-07-19T12:30") from None
    return int((time if time.tzinfo else time.replace(tzinfo=dt.UTC)).timestamp())


def _given(settings: Settings) -> dict[str, str]:
    """The settings that decide trades and are no defaults."""
    usual = environment(Settings(), *SHOWN_SETTINGS)
    return {
        name: value
        for name, value in environment(settings, *SHOWN_SETTINGS).items()
        if value != usual[name] and not name.endswith(HIDDEN_SETTINGS)
    }
