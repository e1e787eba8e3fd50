"""The plans of the published table and of a quick one, which shows roughly the same effects."""

from __future__ import annotations

from dataclasses import replace

from lab.swapbench.cells import TablePlan
from lab.swapbench.lessons import KINDS

FULL = TablePlan(
    name="full",
    trained=3500,
    judged=1200,
    batch=16,
    part="heldout",
    steps={"pico": 1000, "micro": 1000, "nano": 1000},
    seeds={"pico": (1, 2, 3), "micro": (1,), "nano": (1,)},
    kinds=KINDS,
    thoughts=("pico", "micro", "nano"),
    published=True,
)
QUICK = replace(
    FULL,
    name="quick",
    trained=2000,
    judged=200,
    steps={"pico": 600},
    seeds={"pico": (1,)},
    kinds=("cot", "agent", "ftp"),
    thoughts=(),
    published=False,
)
