"""`setup`, `serve-student`, `deploy-files`: downloads, model server and service files of an installed package."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from sentinel.core.errors import OperatorError
from sentinel.core.host.places import FILES, INSTALLED, PACKAGE


def setup(
    serve: Annotated[
        Literal["none", "auto", "cpu", "gpu"],
        typer.Option(help="Also install vLLM for the student; auto: gpu if one is found."),
    ] = "none",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before a large download.")] = False,
) -> None:
    """Download what is missing into the user's cache: Anvil, the local market's contracts, and with --serve vLLM.

    Prints the sizes first. After an interruption, run it again: it continues where it stopped."""
    from sentinel.cli.setup.steps import main

    code = main(["--serve", serve, *(["--yes"] if yes else [])])
    if code == 0:
        typer.echo("set-up: everything is installed")
    raise typer.Exit(code)


def serve_student(
    model: Annotated[str, typer.Argument(help="Folder of a student; default: the live one, or the shipped one.")] = "",
    port: Annotated[int, typer.Argument(min=1, max=65535)] = 8100,
) -> None:
    """Serve the student with vLLM in the foreground, as SENTINEL_MODEL__URL expects it."""
    from sentinel.agent.vllm_server import SCRIPT, serving_python

    environment = {**os.environ, "SENTINEL_SERVE_PYTHON": str(serving_python())}
    os.execve(SCRIPT, [str(SCRIPT), model, str(port)], environment)


def deploy_files(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new folder; for systemd, outside /home.")],
) -> None:
    """Write the files that run Sentinel as a service: systemd units and their installer, the compose file and the
    sources of its images, Prometheus rules, dashboards, and .env.example."""
    if not INSTALLED:
        raise OperatorError(
            f"this is a checkout, which already has these files: {FILES / 'deploy'}, docker-compose.yml"
        )
    if folder.exists():
        raise OperatorError(f"{folder} exists already: name a new folder")
    shutil.copytree(FILES, folder)
    excluded = shutil.ignore_patterns("__pycache__", FILES.name)
    shutil.copytree(PACKAGE, folder / PACKAGE.name, ignore=excluded)  # the images are built from this copy
    program = Path(sys.argv[0]).resolve().parent
    for line in (
        f"written: {folder}",
        f"systemd     sudo {folder}/deploy/systemd/install.sh --bin {program}     (docs/systemd.md)",
        f"containers  cd {folder} && docker compose --profile cpu --profile devnet up     (docs/docker.md)",
        f"settings    {folder}/.env.example",
    ):
        typer.echo(line)
