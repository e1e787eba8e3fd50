"""`notify`: sends a test message to each address of the settings."""

from __future__ import annotations

from dataclasses import asdict

import typer

from sentinel.cli import common
from sentinel.cli.common import DOT_ENV, EnvFile, Json, Sets
from sentinel.core.errors import SettingsError


def notify(
    text: str = typer.Argument("a test: messages from Sentinel arrive here", help="The text of the message."),
    sets: Sets = None,
    env_file: EnvFile = DOT_ENV,
    json: Json = False,
) -> None:
    """Send one message to each address of SENTINEL_NOTIFY__URLS_FILE. Exit code 1 if one of them fails."""
    from sentinel.observe.messages.channel import Channel

    settings = common.load(sets, env_file)
    if settings.notify.urls_file is None:
        raise SettingsError("no recipient: SENTINEL_NOTIFY__URLS_FILE must name a file of apprise addresses")
    deliveries = Channel.of_file(settings.notify.urls_file).send("Sentinel", text)
    lines = [f"{item.target}: {'sent' if item.ok else 'FAILED: address, token or network'}" for item in deliveries]
    common.emit([asdict(item) for item in deliveries], json, lambda: lines)
    if not all(item.ok for item in deliveries):
        raise typer.Exit(common.ERROR)
