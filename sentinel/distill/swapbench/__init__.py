"""SwapBench: the paper's table on our own states. `python -m sentinel.distill.swapbench` makes it from nothing."""
