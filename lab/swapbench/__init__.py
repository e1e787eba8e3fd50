"""SwapBench: the paper's table on our own states. `python -m lab.swapbench` makes it."""
