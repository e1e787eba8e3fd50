"""The channel of messages: web hooks, Telegram, Discord and other apprise targets, addressed in a file."""

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
    target: str  # line number and kind, never the address
    ok: bool


class Channel:
    """Sends with apprise. Blocking: apprise's own timeouts are some seconds per target."""

    def __init__(self, urls: Sequence[str], numbers: Sequence[int] | None = None) -> None:
        """`numbers` are the lines of the addresses in their file.

        Raises SettingsError for an invalid address. It names the line only, because an address holds a token.
        """
        import apprise  # slow to import, and needed only if there are targets

        logging.getLogger("apprise").setLevel(logging.CRITICAL)  # its records may show parts of an address
        self._targets = []
        for number, url in zip(numbers or range(1, len(urls) + 1), urls, strict=True):
            target = apprise.Apprise()
            if not target.add(url):
                raise SettingsError(f"SENTINEL_NOTIFY__URLS_FILE: line {number} is not an apprise address")
            self._targets.append((f"{number}:{url.partition(':')[0]}", target))

    @classmethod
    def of_file(cls, path: Path) -> Channel:
        try:
            lines = secret_lines(path, comments=True)
        except ValueError as error:
            raise SettingsError(f"SENTINEL_NOTIFY__URLS_FILE: {error}") from None
        urls = [line.text for line in lines]
        for url in urls:  # the whole address, and its parts after the scheme, as errors may quote either
            rest = url.partition("://")[2]
            redaction.remember(url, rest, *rest.split("/")[1:])
        return cls(urls, [line.number for line in lines])

    def send(self, title: str, text: str) -> list[Delivered]:
        """Send to every target. Never raises."""
        return [Delivered(name, self._notify(target, title, text)) for name, target in self._targets]

    @staticmethod
    def _notify(target: object, title: str, text: str) -> bool:
        try:
            return bool(target.notify(title=title, body=text))  # type: ignore[attr-defined]
        except Exception:  # a fault of a plugin counts as a message that was not delivered
            return False
