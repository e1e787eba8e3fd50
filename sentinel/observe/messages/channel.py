"""The way to people: web hooks, Telegram, Discord and whatever else apprise knows, by addresses in a file."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sentinel.config.credentials import secret_lines
from sentinel.core.errors import SettingsError
from sentinel.observe import redaction


@dataclass(frozen=True, slots=True)
class Delivered:
    target: str  # kind and place in the file, never the address
    ok: bool


class Channel:
    """Blocking, with apprise's own time-outs of some seconds a target."""

    def __init__(self, urls: Sequence[str]) -> None:
        """Raises SettingsError, which names a line by its number: an address holds a token."""
        import apprise  # slow to import, and only needed where somebody is to be told

        logging.getLogger("apprise").setLevel(logging.CRITICAL)  # what it writes may show parts of an address
        self._targets = []
        for number, url in enumerate(urls, 1):
            one = apprise.Apprise()
            if not one.add(url):
                raise SettingsError(f"SENTINEL_NOTIFY__URLS_FILE: line {number} is no address that apprise knows")
            self._targets.append((f"{number}:{url.partition(':')[0]}", one))

    @classmethod
    def of_file(cls, path: Path) -> Channel:
        try:
            urls = [line for line in secret_lines(path) if not line.startswith("#")]
        except ValueError as error:
            raise SettingsError(f"SENTINEL_NOTIFY__URLS_FILE: {error}") from None
        if not urls:
            raise SettingsError(f"SENTINEL_NOTIFY__URLS_FILE: {path} names nobody")
        for url in urls:  # whole, and without its scheme and host, however it is quoted
            rest = url.partition("://")[2]
            redaction.remember(url, rest, *rest.split("/")[1:])
        return cls(urls)

    def send(self, title: str, text: str) -> list[Delivered]:
        """To every target. Never raises."""
        return [Delivered(name, self._told(one, title, text)) for name, one in self._targets]

    @staticmethod
    def _told(one: object, title: str, text: str) -> bool:
        try:
            return bool(one.notify(title=title, body=text))  # type: ignore[attr-defined]
        except Exception:  # a plugin's own fault is a message that did not arrive
            return False
