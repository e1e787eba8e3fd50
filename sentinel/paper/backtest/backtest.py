"""A whole backtest: every order on every segment with every seed, side by side, and the report of all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sentinel.chain.anvil import find_anvil
from sentinel.config.network_file import load_network
from sentinel.market.genesis import genesis
from sentinel.paper.backtest.replay import NETWORK
from sentinel.paper.backtest.report import Plan, report, timings
from sentinel.paper.backtest.side_by_side import played_side_by_side
from sentinel.paper.backtest.task import Task

MAX_TASKS = 5_000


@dataclass(frozen=True, slots=True)
class Outcome:
    """`report` has the same bytes each time; `timings` never."""

    report: dict[str, Any]
    timings: dict[str, Any]


def tasks(plan: Plan, explicit: Mapping[str, Any], env_file: str) -> list[Task]:
    """Each order on each segment with each seed. `explicit`: the settings of the command line."""
    return [
        Task(order.name, order.reading, place, seed, one.start, one.closes, one.before, explicit, env_file)
        for order in plan.orders
        for place, one in enumerate(plan.segments)
        for seed in plan.seeds
    ]


async def backtest(
    plan: Plan, explicit: Mapping[str, Any], env_file: str, jobs: int, progress: Callable[[int, int], None]
) -> Outcome:
    """Play the plan with at most `jobs` markets at a time. `progress`: minutes done, and of how many.

    Raises OperatorError, before anything is played if it can be known then, and Unavailable.
    """
    find_anvil()
    await genesis()  # once, and not by each market
    all_tasks = tasks(plan, explicit, env_file)
    total = sum(len(task.closes) for task in all_tasks)
    runs = await played_side_by_side(all_tasks, jobs, lambda done: progress(done, total))
    return Outcome(report(plan, runs, load_network(NETWORK)), timings(runs))
