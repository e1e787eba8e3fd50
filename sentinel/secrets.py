"""What of the settings must not be shown. The wallet's key is not among it: the daemon never reads that."""

from __future__ import annotations

from pathlib import Path

from sentinel.credentials import lines
from sentinel.settings import Settings
from sentinel.telemetry.redaction import of_address


def known(settings: Settings) -> list[str]:
    """Keys in the chain's, the relay's and the student's addresses, API keys, and the addresses of people."""
    rpc, model, shadow = settings.rpc, settings.model, settings.shadow
    urls = [*rpc.endpoints, *rpc.ws_endpoints, rpc.relay_url, rpc.relay_status_url, model.url, shadow.url]
    found = [part for url in urls for part in of_address(url)]
    for path in (model.api_key_file, shadow.api_key_file):
        found += _read(path)
    for url in _read(settings.notify.urls_file):
        found += [url, *of_address(url), url.partition("://")[2]]
    return found


def _read(path: Path | None) -> list[str]:
    """Whoever needs the file says what is wrong with it."""
    try:
        return [] if path is None else lines(path)
    except ValueError:
        return []
