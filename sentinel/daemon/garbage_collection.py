"""The garbage collector, told once that start-up is over."""

from __future__ import annotations

import gc

YOUNG = 20_000  # container objects until a look at the young ones; a block's cycle makes about as many


def freeze_heap() -> None:
    """What there is now lives as long as the process: it is never looked at again, so that no cycle pays for it."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, 10, 10)
