"""Settings of the garbage collector for the time after start-up."""

from __future__ import annotations

import gc

YOUNG = 20_000  # new container objects until the young ones are collected; a cycle makes about as many


def freeze_heap() -> None:
    """Exempt every object that exists now from collection.

    These objects live as long as the process, and no cycle should spend time on them.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, 10, 10)
