"""Make what is missing of a table, and publish it: the JSON, a page and pictures beside its cells."""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Mapping
from typing import Any

from rich.table import Table

from lab.swapbench import cells, first_thought_effect, results_page, table
from lab.swapbench.cells import TablePlan
from lab.swapbench.table_plans import FULL, QUICK
from sentinel.distill.recipe import console


def make(plan: TablePlan, pattern: str = "*") -> dict[str, Any]:
    """Cells whose name fits the pattern; what is there is not made again. Returns the table of all that are there."""
    todo = [cell for cell in plan.cells() if fnmatch.fnmatch(cell.name, pattern)]
    for number, cell in enumerate(todo, 1):
        console.print(f"[bold]cell {number} of {len(todo)}: {cell.name}[/]")
        if cells.make(plan, cell) is None:
            console.print("another run is at it")
    for size in plan.thoughts:
        if fnmatch.fnmatch(f"thoughts-{size}", pattern):
            console.print(f"[bold]first thoughts given to {size}[/]")
            first_thought_effect.make(plan, size)
    return publish(plan)


def quick() -> dict[str, Any]:
    """The small table, made now."""
    return make(QUICK)


def published() -> dict[str, Any]:
    """The table of the cells that are in docs/swapbench."""
    return table.summary(cells.read(FULL))


def publish(plan: TablePlan) -> dict[str, Any]:
    """From the cells that are there and nothing else. Raises OperatorError for none."""
    found = table.summary(cells.read(plan))
    given = [json.loads(path.read_text()) for path in sorted(plan.results.glob("thoughts-*.json"))]
    (plan.results / "table.json").write_text(json.dumps(found, indent=1) + "\n")
    (plan.results / "README.md").write_text(results_page.page(found, given))
    (plan.results / "success.svg").write_text(results_page.success(found))
    (plan.results / "effects.svg").write_text(results_page.effects(found))
    return found


def screen(found: dict[str, Any]) -> Table:
    """The table for a terminal."""
    sizes = found["sizes"]
    shown = Table(title=f"SwapBench: success in {found['states']:,} held-out states, 95 % intervals")
    shown.add_column("arm")
    for size, of in sizes.items():
        shown.add_column(f"{size} ({of['parameters'] / 1e6:.2f} M)")
    for arm, name in results_page.NAMES.items():
        shown.add_row(name, *(_share(of["arms"].get(arm)) for of in sizes.values()))
    return shown


def _share(of: Mapping[str, Any] | None) -> str:
    """With its interval; empty for an arm that was not measured."""
    return "" if of is None else f"{of['success']:.1%} [{100 * of['low']:.1f}, {100 * of['high']:.1f}]"
