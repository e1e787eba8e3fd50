"""`python -m sentinel.cli.setup`: `sentinel setup` for a machine without Sentinel's dependencies."""

import sys

from sentinel.cli.setup.steps import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
