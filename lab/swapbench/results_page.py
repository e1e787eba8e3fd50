"""docs/swapbench: the figures of the table as a page and as pictures. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab.swapbench.table import EFFECTS
from sentinel.observe import plot
from sentinel.observe.template import render

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TEMPLATE = Path(__file__).with_name("page.md.j2")
NAMES = {
    "cot": "words alone",
    "cot_sc": "words alone, 8 samples",
    "cot_tools": "words, tool results given",
    "agent": "agent",
    "ftp": "agent + first thought",
    "sampled": "agent, one sample (T 0.4)",
    "sag": "agent, 8 samples",
    "both": "agent + first thought, 8 samples",
}
PAPER = {  # arXiv 2505.17612, mean of eight tasks, %: CoT distilled, + RAG, agent distilled, + FTP, + SAG, + both
    "0.5B": (13.64, 15.90, 19.24, 19.99, 20.01, 21.90),
    "1.5B": (21.28, 24.64, 28.06, 29.11, 30.29, 30.55),
    "3B": (27.72, 28.53, 33.60, 34.49, 33.50, 36.60),
    "7B": (33.54, 32.16, 39.85, 42.26, 41.86, 42.68),
}
PAPER_ARMS = ("cot", "cot_tools", "agent", "ftp", "sag", "both")
COLOURS = (plot.WARM, plot.ACT, plot.GOOD, plot.INK)
SHORT = {
    "cot": "words",
    "cot_sc": "words\nx 8",
    "cot_tools": "words +\nresults",
    "agent": "agent",
    "ftp": "agent +\nthought",
    "sampled": "agent\nT 0.4",
    "sag": "agent\nx 8",
    "both": "both",
}
LABELS = dict(
    zip(
        EFFECTS,
        (
            "agent\n- words",
            "agent\n- results",
            "first\nthought",
            "agent\nx 8",
            "x 8 -\nsampled",
            "both",
            "results\n- words",
            "words\nx 8",
            "both -\nwords x 8",
        ),
        strict=True,
    )
)


def page(table: Mapping[str, Any], thoughts: Sequence[Mapping[str, Any]]) -> str:
    """The page of the table and of the first-thought experiments, as Markdown."""
    measured = list(dict.fromkeys(name for of in table["effects"].values() for name in of))
    return render(
        TEMPLATE, table=table, thoughts=thoughts, effects=measured, names=NAMES, paper=PAPER, paper_arms=PAPER_ARMS
    )


def success(table: Mapping[str, Any]) -> str:
    """Success of each arm as SVG: arms from left to right, one colour per size."""
    drawn = plot.axes(f"Success on {table['states']:,} held-out states", "", "share of states")
    _draw(drawn, {size: of["arms"] for size, of in table["sizes"].items()}, "success", SHORT)
    return plot.svg(drawn)


def effects(table: Mapping[str, Any]) -> str:
    """The effects of each part as SVG."""
    drawn = plot.axes("What each part is worth", "", "points of success")
    drawn.axhline(0.0, color=plot.INK, linestyle="--", linewidth=1)
    measured = {name for of in table["effects"].values() for name in of}
    _draw(drawn, table["effects"], "mean", {name: label for name, label in LABELS.items() if name in measured})
    return plot.svg(drawn)


def _draw(drawn: Axes, sizes: Mapping[str, Mapping[str, Any]], field: str, labels: Mapping[str, str]) -> None:
    for index, (colour, (size, of)) in enumerate(zip(COLOURS, sizes.items(), strict=False)):
        offset = 0.2 * (index - (len(sizes) - 1) / 2)
        points = [(column + offset, of[name]) for column, name in enumerate(labels) if name in of]
        plot.shares(drawn, points, field=field, fmt="o", color=colour, label=size)
    drawn.set_xticks(range(len(labels)), [*labels.values()], fontsize=8)
    plot.percent(drawn.yaxis)
