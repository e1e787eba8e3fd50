"""`setup`, `serve-student`, `deploy-files`: what an installed package needs beside itself, and what it brings along."""

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
        Literal["none", "auto", "cpu", "gpu"], typer.Option(help="vLLM for the student too; auto: gpu if one is seen.")
    ] = "none",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before a large download.")] = False,
) -> None:
    """Fetch what is missing into the user's cache: Anvil, the local market's contracts, and with --serve vLLM.

    Says beforehand how much that is; started again, it goes on where it was cut."""
    from sentinel.cli.setup.steps import main

    code = main(["--serve", serve, *(["--yes"] if yes else [])])
    if code == 0:
        typer.echo("set-up: everything is there")
    raise typer.Exit(code)


def serve_student(
    model: Annotated[str, typer.Argument(help="Folder of a student; empty: the live one, else the shipped one.")] = "",
    port: Annotated[int, typer.Argument(min=1, max=65535)] = 8100,
) -> None:
    """Serve the student with vLLM in the foreground, as SENTINEL_MODEL__URL expects it."""
    from sentinel.agent.vllm_server import SCRIPT, serving_python

    environment = {**os.environ, "SENTINEL_SERVE_PYTHON": str(serving_python())}
    os.execve(SCRIPT, [str(SCRIPT), model, str(port)], environment)


def deploy_files(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new folder, outside /home for systemd.")],
) -> None:
    """Write what runs Sentinel as a service: systemd units and their installer, compose file with all that its images
    are built from, Prometheus rules, dashboards, and .env.example."""
    if not INSTALLED:
        raise OperatorError(f"this is a checkout, and has these files: {FILES / 'deploy'}, docker-compose.yml")
    if folder.exists():
        raise OperatorError(f"{folder} is there already: name a new folder")
    shutil.copytree(FILES, folder)
    left_out = shutil.ignore_patterns("__pycache__", FILES.name)
    shutil.copytree(PACKAGE, folder / PACKAGE.name, ignore=left_out)  # the images' own copy
    program = Path(sys.argv[0]).resolve().parent
    for line in (
        f"written: {folder}",
        f"systemd     sudo {folder}/deploy/systemd/install.sh --bin {program}     (docs/systemd.md)",
        f"containers  cd {folder} && docker compose --profile cpu --profile devnet up     (docs/docker.md)",
        f"settings    {folder}/.env.example",
    ):
        typer.echo(line)
