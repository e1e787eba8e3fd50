"""`python -m lab.swapbench`: make the missing cells of the table. Parallel runs share the work."""

from __future__ import annotations

import argparse

from lab.swapbench import publish
from lab.swapbench.table_plans import FULL, QUICK
from sentinel.distill.recipe import console


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="the smallest size and 200 states, in ten minutes")
    parser.add_argument(
        "--cells", default="*", metavar="PATTERN", help="cells to make, such as 'micro-*' or '*-agent-*'"
    )
    options = parser.parse_args()
    console.print(publish.screen(publish.make(QUICK if options.quick else FULL, options.cells)))


if __name__ == "__main__":
    main()
