"""The figures of a measurement as one page of Markdown, so that no number is typed by hand. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

HEAD = """# What was measured

Written by `make calibration`; [how it is done and what it means](../self-consistency.md). A decision is one held-out
state of the local market, decided by N = 8 samples; right is what the oracle does in the same state, within the vote's
tolerance.
"""
RISK = "0.05"


def page(reports: Mapping[str, Mapping[str, Any]]) -> str:
    """`reports` by student, "all" for all of them together."""
    lines = [
        HEAD,
        "| student | decisions | right | acts | wrong acts | of the acts with full agreement | supported at 5 % |",
    ]
    lines.append("|---|---|---|---|---|---|---|")
    for name, report in reports.items():
        if report["decisions"]:
            lines.append(_row(name, report))
    lines += ["", "By temperature:", "", "| who | decisions | right | Wilson 95 % |", "|---|---|---|---|"]
    for source, share in reports["all"]["by_source"].items():
        interval = f"{100 * share['low']:.1f} to {100 * share['high']:.1f} %"
        lines.append(f"| {source} | {share['total']} | {100 * share['share']:.1f} % | {interval} |")
    lines += ["", "All students together, by agreement of the largest set:", ""]
    lines += ["| wanted | agreement | decisions | right | Wilson 95 % |", "|---|---|---|---|---|"]
    for choice, items in reports["all"]["reliability"].items():
        for item in reversed(items):
            interval = f"{100 * item['low']:.1f} to {100 * item['high']:.1f} %"
            agreed = f"{item['agreement_bps'] / 100:g} %"
            lines.append(f"| {choice} | {agreed} | {item['total']} | {100 * item['share']:.1f} % | {interval} |")
    risks = [f"{100 * float(risk):g} %" for risk in reports["all"]["size_by_agreement"]]
    lines += ["", "Share of the size that an agreement supports, by the share of acts that may be wrong:", ""]
    lines += [f"| student | agreement | {' | '.join(risks)} |", "|---|---|" + "---|" * len(risks)]
    for name, report in reports.items():
        for sized in zip(*report["size_by_agreement"].values(), strict=True):
            shares = " | ".join(f"{item['size_bps'] / 100:.0f} %" for item in sized)
            lines.append(f"| {name} | {sized[0]['agreement_bps'] / 100:g} % | {shares} |")
    return "\n".join(lines) + "\n"


def _row(name: str, report: Mapping[str, Any]) -> str:
    acts = sum(level["total"] for level in report["acts"])
    wrong = acts - sum(level["right"] for level in report["acts"])
    full = [level for level in report["acts"] if level["votes"] == level["asked"]]
    sure, sure_wrong = sum(x["total"] for x in full), sum(x["total"] - x["right"] for x in full)
    decisions = sum(share["total"] for share in report["by_source"].values())
    right = sum(share["hits"] for share in report["by_source"].values())
    supported = report["supported_agreement_bps"][RISK]
    level = "none" if supported is None else f"{supported / 100:g} %"
    return (
        f"| {name} | {decisions} | {100 * right / decisions:.1f} % | {acts} | {wrong} | "
        f"{sure_wrong} of {sure} wrong | {level} |"
    )
