"""The table of `make safety`: one line a category of attacks, with how many were tried and how they ended.

A test is counted if it bears the marker `attack(category, ending)`. It counts as one try that ended as the marker says,
or as many as the fixture `tries` was given. A test that fails counts as one try that was lost.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator
from dataclasses import dataclass, field
from enum import StrEnum

import pytest

PROPERTY = "attack"


class Ending(StrEnum):
    REFUSED = "refused"  # a guard said no before anything was signed
    CONTAINED = "contained"  # it happened, and the wallet lost nothing beyond gas, or Sentinel noticed and held
    LOST = "lost"  # money went, or a protection failed in silence


@dataclass
class Tries:
    """How the tries of one test ended. Filled by the test itself, one call per try."""

    ended: Counter[Ending] = field(default_factory=Counter)

    def refused(self, count: int = 1) -> None:
        self.ended[Ending.REFUSED] += count

    def contained(self, count: int = 1) -> None:
        self.ended[Ending.CONTAINED] += count


@pytest.fixture
def tries() -> Tries:
    """Counts the tries of a test that makes several."""
    return Tries()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    marker = item.get_closest_marker("attack")
    if marker is not None and (report.when == "call" or report.failed):
        category, ending = marker.args
        counted = getattr(item, "funcargs", {}).get("tries")
        ended = counted.ended if isinstance(counted, Tries) and counted.ended else Counter({Ending(ending): 1})
        if report.failed:
            ended = Counter({Ending.LOST: 1})
        report.user_properties.append((PROPERTY, [category, {str(kind): count for kind, count in ended.items()}]))
    return report


def table(reports: list[pytest.TestReport]) -> list[str]:
    """One line a category, in alphabetical order; empty if no report is of an attack."""
    categories: dict[str, Counter[str]] = {}
    for report in reports:
        for name, value in report.user_properties:
            if name == PROPERTY and isinstance(value, list):
                category, ended = value
                categories.setdefault(str(category), Counter()).update(ended)
    if not categories:
        return []
    width = max(map(len, categories))
    lines = [f"{'attack':{width}}  {'tried':>6}  {'contained':>9}  {'refused':>7}  {'lost':>4}"]
    for category, ended in sorted(categories.items()):
        counts = [ended[kind] for kind in (Ending.CONTAINED, Ending.REFUSED, Ending.LOST)]
        lines.append(f"{category:{width}}  {sum(counts):>6,}  {counts[0]:>9,}  {counts[1]:>7,}  {counts[2]:>4,}")
    return lines


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Printed by `make safety` alone, which chooses the marker."""
    if config.option.markexpr != "attack":
        return
    stats = terminalreporter.stats
    reports = [report for kind in ("passed", "failed", "error") for report in stats.get(kind, [])]
    for line in table([report for report in reports if isinstance(report, pytest.TestReport)]):
        terminalreporter.write_line(line)
