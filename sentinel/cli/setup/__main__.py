"""`python -m sentinel.cli.setup`: the same as `sentinel setup`, where none of Sentinel's dependencies is installed."""

import sys

from sentinel.cli.setup.steps import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
