"""`sentinel bench …`: thin commands over the measurements."""

from __future__ import annotations

import typer

from lab.cli import sending, simulation, students

app = typer.Typer(no_args_is_help=True, help="Measure Sentinel's parts.", pretty_exceptions_enable=False)

for command in (
    simulation.mainnet_blocks,
    simulation.simulate,
    simulation.engines,
    simulation.memory,
    simulation.freshness,
    simulation.backtest,
    sending.decide,
    sending.crash,
    sending.soak,
    sending.operations,
    students.serving,
    students.promotion,
):
    app.command()(command)
