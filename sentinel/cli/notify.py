"""`notify`: do messages reach the people that the settings name?"""

from __future__ import annotations

from dataclasses import asdict

import typer

from sentinel.cli import common
from sentinel.cli.common import DOT_ENV, EnvFile, Json, Sets
from sentinel.core.errors import SettingsError


def notify(
    text: str = typer.Argument("a test: messages from Sentinel arrive here", help="What to say."),
    sets: Sets = None,
    env_file: EnvFile = DOT_ENV,
    json: Json = False,
) -> None:
    """Send one message to each address of SENTINEL_NOTIFY__URLS_FILE. Exit code 1 where one of them fails."""
    from sentinel.observe.messages.channel import Channel

    settings = common.load(sets, env_file)
    if settings.notify.urls_file is None:
        raise SettingsError("nobody is named: SENTINEL_NOTIFY__URLS_FILE is to name a file of apprise addresses")
    done = Channel.of_file(settings.notify.urls_file).send("Sentinel", text)
    lines = [f"{one.target}: {'sent' if one.ok else 'FAILED: address, token or network'}" for one in done]
    common.emit([asdict(one) for one in done], json, lambda: lines)
    if not all(one.ok for one in done):
        raise typer.Exit(common.ERROR)
