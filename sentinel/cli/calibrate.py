"""`sentinel calibrate`: the share of right decisions at each agreement, from this wallet's own journal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from sentinel.cli import common
from sentinel.cli.common import DOT_ENV, EnvFile, Json, Sets
from sentinel.cli.decision_commands import moment
from sentinel.core.errors import OperatorError

MIN_TRADES = 200  # fewer settled trades give intervals too wide to rely on


def calibrate(
    out: Annotated[
        Path | None, typer.Option(help="Folder to write to; default: calibration/ in the state directory.")
    ] = None,
    bound: Annotated[
        float, typer.Option(min=0, max=10_000, help="Largest shortfall in bps that counts as right.")
    ] = 10.0,
    until: Annotated[str | None, typer.Option(help="Ignore trades after this UTC time, ISO 8601.")] = None,
    force: Annotated[bool, typer.Option("--force", help=f"Accept fewer than {MIN_TRADES} trades.")] = False,
    sets: Sets = None,
    env_file: EnvFile = DOT_ENV,
    as_json: Json = False,
) -> None:
    """Compare agreement and outcome of journaled trades: JSON for SENTINEL_VOTE__CALIBRATION_FILE, and pictures."""
    from sentinel.journal.calibration import curves, journal_trades, report_files

    settings = common.load(sets, env_file)
    journal, _ = common.open_journal(settings, read_only=True)
    try:
        rows = journal_trades.rows(
            journal.outcomes(), bound_bps=bound, until=None if until is None else moment(until, 0.0)
        )
    finally:
        journal.close()
    if not rows or (len(rows) < MIN_TRADES and not force):
        raise OperatorError(
            f"the journal has {len(rows)} settled trades, the minimum is {MIN_TRADES} (--force accepts fewer)"
        )
    report: dict[str, Any] = {
        **curves.report(
            rows,
            agreement_bps=settings.vote.agreement_bps,
            correct=journal_trades.CORRECT.format(bound=bound),
        ),
        "enough": len(rows) >= MIN_TRADES,
        "check": {"max_risk": settings.vote.max_risk, **journal_trades.check(rows, settings.vote.max_risk).as_json()},
    }
    folder = out or common.state_dir(settings) / "calibration"
    written = report_files.write(folder, "journal", report)
    common.emit(report, as_json, lambda: [*_lines(report), *(f"wrote {path}" for path in written)])


def _lines(report: dict[str, Any]) -> list[str]:
    lines = [f"{report['decisions']} settled trades; right means: {report['correct_means']}"]
    for item in report["reliability"]:
        lines.append(
            f"{item['agreement_bps'] / 100:6.2f} % agreed: {item['hits']} of {item['total']} right "
            f"({100 * item['low']:.1f} to {100 * item['high']:.1f} %)"
        )
    for risk, share in report["supported_agreement_bps"].items():
        lines.append(
            f"risk {risk}: "
            + ("no agreement supports it" if share is None else f"agreement of at least {share / 100:g} %")
        )
    for risk, steps in report["size_by_agreement"].items():
        sizes = ", ".join(f"{item['size_bps'] / 100:g} % at {item['agreement_bps'] / 100:g} % agreed" for item in steps)
        lines.append(f"size at risk {risk}: {sizes}")
    check = report["check"]
    wrong = json.dumps(check["newer_wrong"])
    lines.append(f"check: wrong among the newer trades, calibrated on the {check['older']} older ones: {wrong}")
    return lines
