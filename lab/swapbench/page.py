"""docs/swapbench: the table's figures as a page and as pictures, written from the cells and from nothing else. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lab.swapbench.table import EFFECTS
from sentinel.observe.plot import ACT, GOOD, INK, LEFT, RIGHT, WARM, WIDTH, Plot

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
COLOURS = (WARM, ACT, GOOD, INK)
SHORT = {
    "cot": "words",
    "cot_sc": "words|x 8",
    "cot_tools": "words +|results",
    "agent": "agent",
    "ftp": "agent +|thought",
    "sampled": "agent|T 0.4",
    "sag": "agent|x 8",
    "both": "both",
}
LABELS = dict(
    zip(
        EFFECTS,
        (
            "agent|- words",
            "agent|- results",
            "first|thought",
            "agent|x 8",
            "x 8 -|sampled",
            "both",
            "results|- words",
            "words|x 8",
            "both -|words x 8",
        ),
        strict=True,
    )
)


def page(table: Mapping[str, Any], thoughts: Sequence[Mapping[str, Any]]) -> str:
    sizes = table["sizes"]
    lines = [
        "# SwapBench",
        "",
        f"Written by `make swapbench` from the {table['cells']} cells beside it; not edited by hand. "
        f"{table['states']:,} held-out states (SHA-256 {table['states_sha256'][:12]}…), graded on the fork. "
        "What it means stands in [distillation.md](../distillation.md#swapbench).",
        "",
        "## Success",
        "",
        "Share of states, in brackets the 95 % interval of a bootstrap over states; below it each seed's share.",
        "",
        "| arm | " + " | ".join(f"{size}, {of['parameters'] / 1e6:.2f} M" for size, of in sizes.items()) + " |",
        "|---|" + "---|" * len(sizes),
    ]
    lines += [
        f"| {NAMES[arm]} | " + " | ".join(success_of(of["arms"], arm) for of in sizes.values()) + " |" for arm in NAMES
    ]
    lines.append("| *holding always* |" + f" {100 * table['holding']:.1f} % |" * len(sizes))
    lines += ["", "![success by arm and size](success.svg)", "", "## What each part is worth", ""]
    lines += [
        "Points of success, new minus old on the same states (paired bootstrap, 95 %).",
        "",
        "| effect | " + " | ".join(sizes) + " |",
        "|---|" + "---|" * len(sizes),
    ]
    effects = list(dict.fromkeys(name for of in table["effects"].values() for name in of))
    lines += [
        f"| {name} | " + " | ".join(_points(table["effects"][size].get(name)) for size in sizes) + " |"
        for name in effects
    ]
    if table["across"]:
        lines += ["", "The paper's headline, a small agent against the next larger student of words:", ""]
        lines += [f"- {name}: {_points(found)}" for name, found in table["across"].items()]
    lines += ["", "![effects with intervals](effects.svg)", "", "## What it takes", ""]
    lines += [
        "Means. *Acts*: success where the oracle acts; *captured*: of the oracle's value; *regret*: bps of equity; "
        "*unparsed, failed, refused*: of all samples; *calls*: of tools, a sample; *tokens*: generated a decision, all "
        "samples; *model*: time a decision, in batches of 256 on one CPU thread.",
    ]
    columns = ("acts", "captured", "regret", "unparsed", "failed", "refused", "calls", "tokens", "steps", "model")
    for size, of in sizes.items():
        lines += ["", f"| {size} | {' | '.join(columns)} |", "|---|" + "---|" * len(columns)]
        lines += [_costs(arm, of["arms"][arm], table["states"]) for arm in NAMES if arm in of["arms"]]
    if thoughts:
        lines += ["", "## First thoughts given at inference", "", *_thoughts(thoughts)]
    lines += ["", "## The paper's table", "", "Mean of eight tasks, % (arXiv 2505.17612):", ""]
    lines += ["| size | " + " | ".join(NAMES[arm] for arm in PAPER_ARMS) + " |", "|---|" + "---|" * len(PAPER_ARMS)]
    lines += [f"| {size} | " + " | ".join(f"{score:.2f}" for score in scores) + " |" for size, scores in PAPER.items()]
    return "\n".join(lines) + "\n"


def success_of(arms: Mapping[str, Any], arm: str, *, seeds: bool = True) -> str:
    """Share and interval; below it each seed's share, where there are several and `seeds` are wanted."""
    if arm not in arms:
        return ""
    found = arms[arm]
    each = ", ".join(f"{100 * share:.1f}" for share in found["by_seed"].values())
    several = f"<br>{each}" if seeds and len(found["by_seed"]) > 1 else ""
    return f"{100 * found['success']:.1f} % [{100 * found['low']:.1f}, {100 * found['high']:.1f}]{several}"


def _points(found: Mapping[str, Any] | None) -> str:
    if found is None:
        return ""
    return f"{100 * found['mean']:+.1f} [{100 * found['low']:+.1f}, {100 * found['high']:+.1f}]"


def _costs(arm: str, of: Mapping[str, Any], states: int) -> str:
    told = [f"{100 * of[name]:.1f} %" for name in ("where_it_acts", "captured")] + [f"{of['regret_bps']:.2f}"]
    told += [f"{100 * of[name]:.1f} %" for name in ("unparsed", "failed", "refused")]
    told += [f"{of['tool_calls']:.1f}", f"{of['tokens']:.0f}", f"{of['steps']:.2f}"]
    return f"| {NAMES[arm]} | {' | '.join(told)} | {1000 * of['model_seconds'] / states:.0f} ms |"


def _thoughts(thoughts: Sequence[Mapping[str, Any]]) -> list[str]:
    lines = [
        "The student with first thoughts, greedy: given none, the right plan, or another playbook's.",
        "",
        "| size | thought | success | against none | code of the order | code of the thought | tool calls |",
        "|---|---|---|---|---|---|---|",
    ]
    for one in thoughts:
        for way, of in one["ways"].items():
            lines.append(
                f"| {one['size']} | {way} | {100 * of['success']:.1f} % | {_points(of.get('against_none'))} | "
                f"{100 * of['code_of_the_order']:.1f} % | "
                f"{100 * of['code_of_the_thought']:.1f} % | {of['tool_calls']:.2f} |"
            )
    return lines + _by_playbook(thoughts)


def _by_playbook(thoughts: Sequence[Mapping[str, Any]]) -> list[str]:
    lines = [
        "",
        "By playbook of the order; with another playbook's plan: how often the code is the thought's, the order's, and "
        "success against none.",
        "",
        "| size | playbook | states | right: followed | wrong: followed | wrong: order kept | success, none | wrong |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for one in thoughts:
        none, right, wrong = (one["ways"][way]["by_playbook"] for way in ("none", "right", "wrong"))
        for name in none:
            shares = (
                right[name]["code_of_the_thought"],
                wrong[name]["code_of_the_thought"],
                wrong[name]["code_of_the_order"],
                none[name]["success"],
                wrong[name]["success"],
            )
            told = " | ".join(f"{100 * share:.1f} %" for share in shares)
            lines.append(f"| {one['size']} | {name} | {none[name]['states']} | {told} |")
    return lines


def success(table: Mapping[str, Any]) -> str:
    """Arms from left to right, a colour a size."""
    arms = {size: of["arms"] for size, of in table["sizes"].items()}
    bounds = [found[end] for of in arms.values() for found in of.values() for end in ("low", "high")]
    plot = _places(f"Success on {table['states']:,} held-out states", "share of states", SHORT.values(), bounds)
    _draw(plot, arms, "success", list(NAMES))
    return plot.svg()


def effects(table: Mapping[str, Any]) -> str:
    shown = list(dict.fromkeys(name for of in table["effects"].values() for name in of))
    bounds = [found[end] for of in table["effects"].values() for found in of.values() for end in ("low", "high")]
    plot = _places("What each part is worth", "points of success", [LABELS[name] for name in shown], [0.0, *bounds])
    plot.line([(0.0, 0.0), (1.0, 0.0)], INK, dashed=True)
    _draw(plot, table["effects"], "mean", shown, legend=WIDTH - RIGHT - 100)
    return plot.svg()


def _places(title: str, y_label: str, names: Iterable[str], bounds: Sequence[float]) -> Plot:
    """Room for all of `bounds`; the axis' five steps are whole multiples of five points."""
    high = math.ceil(20 * max(bounds))
    low = high - 5 * max(1, math.ceil((high - 20 * min(bounds)) / 5))
    return Plot(title, "", y_label, y_range=(low / 20, high / 20), names=[*names])


def _draw(
    plot: Plot, sizes: Mapping[str, Mapping[str, Any]], field: str, shown: Sequence[str], *, legend: int = LEFT
) -> None:
    for at, (colour, of) in enumerate(zip(COLOURS, sizes.values(), strict=False)):
        for place, name in enumerate(shown):
            if name in of:
                x = (place + 0.5 + 0.2 * (at - (len(sizes) - 1) / 2)) / len(shown)
                plot.whisker(x, of[name]["low"], of[name]["high"], colour)
                plot.dot(x, of[name][field], colour)
    plot.legend(list(zip(sizes, COLOURS, strict=False)), left=legend)
