"""Commands that measure students: ways of serving, a promotion from end to end."""

from __future__ import annotations

import json as json_module
from pathlib import Path
from typing import Annotated

import typer

from lab.cli.shared import STUDENT, numbers, progress_line, say


def serving(
    model: Annotated[Path, typer.Option(help="Folder of the student.")] = STUDENT,
    n: Annotated[str, typer.Option("--n", help="Samples per request, separated by commas.")] = "1,8,32",
    rounds: Annotated[int, typer.Option(min=1, help="Requests per kind, size and server.")] = 20,
    log: Annotated[Path, typer.Option(help="Log file of the servers.")] = Path("build/bench-serving.log"),
) -> None:
    """Compare ways of serving, one vLLM each: eager, compiled, without prefix cache and more. Prints JSON."""
    import uvloop

    from lab.bench.serving_speed import measure

    log.parent.mkdir(parents=True, exist_ok=True)
    report = uvloop.run(
        measure(
            model,
            numbers(n, "--n"),
            rounds,
            log,
            say=say,
            progress=lambda done, total: progress_line(done, total, "rounds"),
        )
    )
    typer.echo(json_module.dumps(report))


def promotion(
    home: Annotated[Path, typer.Option(help="Folder of the poor student, the state and the logs.")] = Path(
        "build/promotion"
    ),
    new: Annotated[Path, typer.Option(help="Folder of the better student.")] = STUDENT,
    heldout: Annotated[int, typer.Option(min=100, help="Held-out orders for the comparison.")] = 150,
    shadow_blocks: Annotated[int, typer.Option(min=10, help="Decisions in shadow (blocks).")] = 20,
) -> None:
    """Promote a better student over a poor one and undo it, with all parts real, from end to end. Prints JSON."""
    import tempfile

    import uvloop

    from lab.bench.promotion_proof import poor_student, prove

    poor = poor_student(home)
    folder = Path(tempfile.mkdtemp(prefix="run-", dir=home)).resolve()
    report = uvloop.run(
        prove(
            poor,
            new.resolve(),
            folder,
            heldout=heldout,
            shadow_blocks=shadow_blocks,
            say=say,
        )
    )
    typer.echo(json_module.dumps(report, indent=1))
