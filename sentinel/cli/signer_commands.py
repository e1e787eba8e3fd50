"""`signer`, `signer show`, `signer order set|clear`: run the signer, show what it enforces, give it an order."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sentinel.cli import common
from sentinel.cli.common import DOT_ENV, EnvFile, Json, Sets
from sentinel.core.errors import NotRunning, SettingsError, SignerUnavailable

if TYPE_CHECKING:
    from sentinel.config.settings import Settings

PATIENCE = 5.0  # seconds for the running signer to take a new order
TIMEOUT = 5.0

app = typer.Typer(rich_markup_mode=None, invoke_without_command=True)
order_app = typer.Typer(help="Give the signer the order that bounds its trades.", rich_markup_mode=None)
app.add_typer(order_app, name="order", no_args_is_help=True)


@app.callback()
def signer(context: typer.Context, sets: Sets = None, env_file: EnvFile = DOT_ENV) -> None:
    """Run the signer alone in the foreground: it holds the key, and the daemon connects to its socket."""
    if context.invoked_subcommand is not None:
        if sets or env_file != DOT_ENV:
            raise typer.BadParameter(f"write options after `{context.invoked_subcommand}`")
        return
    from sentinel.signing.process.signer_process import serve as serve_signer

    raise typer.Exit(serve_signer(common.load(sets, env_file)))


@app.command("show")
def show(sets: Sets = None, env_file: EnvFile = DOT_ENV, json: Json = False) -> None:
    """Show what the running signer enforces: its caps, the operator's order, and the counters of the UTC day.

    The daemon's user, the signer's user and root may ask.
    """
    from sentinel.cli.signer_report import lines, readable
    from sentinel.config.network_file import load_network

    settings = common.load(sets, env_file)
    report = readable(_ask(settings), load_network(settings.network))
    common.emit(report, json, lambda: lines(report))


@order_app.command("set")
def set_order(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="File with the order's reading; - for standard input.")],
    sets: Sets = None,
    env_file: EnvFile = DOT_ENV,
    json: Json = False,
) -> None:
    """Let the signer sign only trades that the order permits. Run it as the signer's user, or as root.

    The order must be a reading (docs/orders.md). A running signer takes it at once, another one at its next start.
    """
    from sentinel.config.network_file import load_network
    from sentinel.signing.order_rules import OrderBounds

    settings = common.load(sets, env_file)
    try:
        text = sys.stdin.read() if str(file) == "-" else file.expanduser().read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"the order {file} cannot be read: {type(error).__name__}") from None
    order = OrderBounds.of(" ".join(text.split()), load_network(settings.network))
    _give(settings, order.reading, order.hash, json)


@order_app.command("clear")
def clear_order(sets: Sets = None, env_file: EnvFile = DOT_ENV, json: Json = False) -> None:
    """Let the signer sign within its own limits alone again. Run it as the signer's user, or as root."""
    from sentinel.signing.process.order_file import CLEARED

    _give(common.load(sets, env_file), CLEARED, None, json)


def _give(settings: Settings, text: str, order: str | None, json: bool) -> None:
    """Write the order file and wait until the running signer enforces it, if one runs."""
    from sentinel.signing.client import ask_greeting, socket_of
    from sentinel.signing.process.order_file import write_order

    path = write_order(common.state_dir(settings) / "signer", text)
    running = _hang_up(socket_of(settings), path.parent.stat().st_uid)
    deadline = time.monotonic() + PATIENCE
    while running:
        try:
            if asyncio.run(ask_greeting(socket_of(settings))).order == order:
                break
        except SignerUnavailable as error:
            raise SettingsError(f"{path} is written, but {error}") from error
        if time.monotonic() > deadline:
            raise SettingsError(f"{path} is written, but the running signer has not taken it: see its log")
        time.sleep(0.05)
    when = "the running signer enforces it" if running else "the signer enforces it from its next start or SIGHUP"
    words = f"order {order}: {text}" if order is not None else "no order"
    common.emit({"order": order, "file": str(path), "enforced": running}, json, lambda: [words, when])


def _hang_up(path: Path, owner: int) -> bool:
    """Send SIGHUP to the signer that listens on the socket, as user `owner`. Returns whether one does."""
    import os
    import signal
    import socket

    from sentinel.core.host.unix import peer_pid, peer_uid, short_address

    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as channel:
        channel.settimeout(TIMEOUT)
        try:
            with short_address(path) as address:
                channel.connect(address)
            if (uid := peer_uid(channel)) != owner:
                raise SettingsError(
                    f"the order is written, but user {uid} listens at {path}, not the signer's ({owner})"
                )
            # The kernel names the listener: a pid from a file may belong to another process by now.
            os.kill(peer_pid(channel), signal.SIGHUP)
        except PermissionError:
            raise SettingsError(
                f"the order is written, but only the signer's user or root can tell the signer at {path}"
            ) from None
        except OSError:
            return False
    return True


def _ask(settings: Settings) -> Mapping[str, Any]:
    from sentinel.signing.client import ask_enforced, socket_of

    path = socket_of(settings)
    try:
        return asyncio.run(ask_enforced(path))
    except SignerUnavailable as error:
        raise NotRunning(f"{error} at {path}") from None
