"""The command line. Exit codes: 0 ok, 1 error, 2 usage, 3 not running, 4 configuration, 5 timeout."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from typing import Annotated

import typer

from sentinel.cli import (
    backtest,
    calibrate,
    daemon_commands,
    data_commands,
    decision_commands,
    decision_history,
    health_check,
    installation,
    notify,
    order_commands,
    pnl,
    preparation,
    replay,
    show_config,
    signer_commands,
    verify,
    wallet_commands,
)
from sentinel.cli.common import guarded
from sentinel.cli.laboratory import laboratory

app = typer.Typer(
    name="sentinel",
    help="On-chain trading daemon: a distilled model proposes, exact simulation votes, hard limits decide.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

app.command()(installation.setup)
app.command()(daemon_commands.run)
app.add_typer(signer_commands.app, name="signer")
app.command()(preparation.demo)
app.command()(backtest.backtest)
app.command()(preparation.devnet)
app.command()(preparation.doctor)
app.command()(daemon_commands.status)
app.command()(daemon_commands.pause)
app.command()(daemon_commands.resume)
app.command()(daemon_commands.reload)
app.command()(daemon_commands.stop)
app.add_typer(decision_commands.app, name="decisions")
app.command()(decision_history.trades)
app.command()(pnl.pnl)
app.command()(replay.replay)
app.command()(verify.verify)
app.command()(calibrate.calibrate)
app.command()(preparation.approve)
app.command()(health_check.health)
app.command()(notify.notify)
app.command("show-config")(show_config.show_config)
app.command("serve-student")(installation.serve_student)
app.command("deploy-files")(installation.deploy_files)
app.add_typer(wallet_commands.app, name="wallet")
app.add_typer(order_commands.app, name="order")
app.add_typer(data_commands.app, name="data")


def _distill() -> typer.Typer:
    return importlib.import_module("sentinel.cli.distill_commands").app  # type: ignore[no-any-return]


def _bench() -> typer.Typer:
    return laboratory("cli").app  # type: ignore[no-any-return]


# Groups of commands that take long to import; each is imported only when it is called.
DELEGATED = {
    "distill": (_distill, "Collect, select, train, evaluate and promote a student."),
    "bench": (_bench, "Measure Sentinel's parts (needs a checkout)."),
}


def _delegate(name: str, load: Callable[[], typer.Typer], text: str) -> None:
    def group(context: typer.Context) -> None:
        load()(args=context.args, prog_name=f"sentinel {name}")

    settings = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}
    app.command(name, help=text, context_settings=settings)(group)


for _name, (_load, _text) in DELEGATED.items():
    _delegate(_name, _load, _text)


def _print_version(requested: bool) -> None:
    if requested:
        from sentinel import __version__

        typer.echo(f"sentinel {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


def main() -> int:
    return guarded(app)


if __name__ == "__main__":
    sys.exit(main())
