"""`python -m lab.swapbench`: make what is missing of the table. Several runs share the work."""

from __future__ import annotations

import argparse

from lab.swapbench import publish
from lab.swapbench.table_plans import FULL, QUICK
from sentinel.distill.recipe import console


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="the smallest size and 200 states, in ten minutes")
    parser.add_argument("--cells", default="*", metavar="PATTERN", help="only these, as 'micro-*' or '*-agent-*'")
    given = parser.parse_args()
    console.print(publish.screen(publish.make(QUICK if given.quick else FULL, given.cells)))


if __name__ == "__main__":
    main()
