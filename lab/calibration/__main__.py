"""`python -m lab.calibration`: measure, then write docs/calibration."""

from __future__ import annotations

import sys

import uvloop

from lab import CHECKOUT
from lab.calibration import experiment
from sentinel.core.errors import SentinelError
from sentinel.journal.calibration import curves, plots, report_files, summary_page

OUT = CHECKOUT / "docs" / "calibration"
CORRECT = "what the largest agreeing set wanted is what the oracle does in the same state, within the vote's tolerance"
AGREEMENT_BPS = 500
# Eight ballots that buy: USDC paid, hundredths of WETH received. Few of them agree within the densest window of USDC.
BALLOTS = [(500, 24.2), (504, 27.9), (508, 22.9), (512, 28.8), (518, 25.9), (522, 26.1), (530, 26.4), (536, 26.6)]


def main() -> None:
    """Measure and write. `--no-more` measures nothing and only draws the existing rows."""
    if "--no-more" in sys.argv[1:]:
        rows = experiment.known()
    else:
        experiment.make_trial_students()
        rows = uvloop.run(experiment.run())
    chosen = {"all": rows}
    for arm in experiment.ARMS:
        chosen[arm.student] = [row for row in rows if row.source.startswith(arm.student + " ")]
    reports = {
        name: curves.report(of, kind="measured", agreement_bps=AGREEMENT_BPS, correct=CORRECT)
        for name, of in chosen.items()
    }
    written = [path for name, report in reports.items() for path in report_files.write(OUT, name, report)]
    scaled = [(paid * 10**6, round(got * 10**16)) for paid, got in BALLOTS]
    units = [(paid / 10**6, got / 10**18) for paid, got in scaled]
    picture = plots.boxes(scaled, units, AGREEMENT_BPS, "Eight ballots that buy WETH", "USDC paid", "WETH got")
    written.append(report_files.write_atomically(OUT / "box-search.svg", picture))
    written.append(report_files.write_atomically(OUT / "README.md", summary_page.page(reports)))
    for path in written:
        print(path.relative_to(CHECKOUT))


if __name__ == "__main__":
    try:
        main()
    except SentinelError as error:
        sys.exit(f"calibration: {error}")
