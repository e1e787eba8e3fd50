"""Make the missing cells of a table and publish it as JSON, page and pictures beside the cells."""

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
    """Make the missing cells whose names fit the pattern. Returns the table of all existing cells."""
    todo = [cell for cell in plan.cells() if fnmatch.fnmatch(cell.name, pattern)]
    for number, cell in enumerate(todo, 1):
        console.print(f"[bold]cell {number} of {len(todo)}: {cell.name}[/]")
        if cells.make(plan, cell) is None:
            console.print("another run is making this cell")
    for size in plan.thoughts:
        if fnmatch.fnmatch(f"thoughts-{size}", pattern):
            console.print(f"[bold]first thoughts given to {size}[/]")
            first_thought_effect.make(plan, size)
    return publish(plan)


def quick() -> dict[str, Any]:
    """Make the small table now and return it."""
    return make(QUICK)


def published() -> dict[str, Any]:
    """The table of the cells in docs/swapbench."""
    return table.summary(cells.read(FULL))


def publish(plan: TablePlan) -> dict[str, Any]:
    """Write and return the table of the existing cells. Raises OperatorError if there are none."""
    result = table.summary(cells.read(plan))
    thoughts = [json.loads(path.read_text()) for path in sorted(plan.results.glob("thoughts-*.json"))]
    (plan.results / "table.json").write_text(json.dumps(result, indent=1) + "\n")
    (plan.results / "README.md").write_text(results_page.page(result, thoughts))
    (plan.results / "success.svg").write_text(results_page.success(result))
    (plan.results / "effects.svg").write_text(results_page.effects(result))
    return result


def screen(result: dict[str, Any]) -> Table:
    """The table for a terminal."""
    sizes = result["sizes"]
    output = Table(title=f"SwapBench: success in {result['states']:,} held-out states, 95 % intervals")
    output.add_column("arm")
    for size, of in sizes.items():
        output.add_column(f"{size} ({of['parameters'] / 1e6:.2f} M)")
    for arm, name in results_page.NAMES.items():
        output.add_row(name, *(_share(of["arms"].get(arm)) for of in sizes.values()))
    return output


def _share(of: Mapping[str, Any] | None) -> str:
    """The success with its interval; empty if the arm was not measured."""
    return "" if of is None else f"{of['success']:.1%} [{100 * of['low']:.1f}, {100 * of['high']:.1f}]"
