"""`python -m sentinel.distill.swapbench`: make what is missing of the table, then print it."""

from __future__ import annotations

import argparse
import fnmatch
import json
from typing import Any

from sentinel.distill.recipe import console
from sentinel.distill.swapbench import cells, page, table
from sentinel.distill.swapbench.plans import FULL, QUICK


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="the smallest size and 200 states, in under ten minutes")
    parser.add_argument("--cells", default="*", metavar="PATTERN", help="only these, as 'micro-*' or '*-agent-*'")
    given = parser.parse_args()
    plan = QUICK if given.quick else FULL
    todo = [cell for cell in plan.cells() if fnmatch.fnmatch(cell.name, given.cells)]
    for number, cell in enumerate(todo, 1):
        console.print(f"[bold]cell {number} of {len(todo)}: {cell.name}[/]")
        if cells.make(plan, cell) is None:
            console.print("another run is at it")
    print(json.dumps(publish(plan)))


def publish(plan: cells.Plan) -> dict[str, Any]:
    """The table of the cells that are there; the page and its pictures beside them."""
    found = table.summary(cells.read(plan))
    thoughts = [json.loads(path.read_text()) for path in sorted(plan.results.glob("thoughts-*.json"))]
    (plan.results / "README.md").write_text(page.page(found, thoughts))
    (plan.results / "success.svg").write_text(page.success(found))
    (plan.results / "effects.svg").write_text(page.effects(found))
    return found


if __name__ == "__main__":
    main()
