"""The channels of messages: web hooks, Telegram, Discord and other apprise targets, addressed in a file."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sentinel.config.credentials import secret_lines
from sentinel.core.errors import SettingsError
from sentinel.observe import redaction
from sentinel.observe.messages.escaping import clean, fitted

if TYPE_CHECKING:
    from apprise import Apprise

MARKUP = 32  # characters that a channel without titles may add to put one into the body


@dataclass(frozen=True, slots=True)
class Delivered:
    target: str  # line number and kind, never the address
    ok: bool


class Target:
    """One address. Blocking: apprise waits 4 s for a connection and 4 s for a reply, and some channels' own pauses."""

    def __init__(self, number: int, url: str) -> None:
        """Raises SettingsError for an invalid address. It names the line only, because an address holds a token."""
        import apprise  # slow to import, and needed only if there are targets

        self._scheme = url.partition(":")[0].lower()
        self.name = f"{number}:{self._scheme}"
        self._apprise: Apprise = apprise.Apprise(asset=apprise.AppriseAsset(async_mode=False))  # no threads of its own
        if not self._apprise.add(url):
            raise SettingsError(f"SENTINEL_NOTIFY__URLS_FILE: line {number} is not an apprise address")
        self._text = apprise.NotifyFormat.TEXT
        plugin = self._apprise[0]
        plugin.overflow_mode = apprise.OverflowMode.TRUNCATE  # a second guard: what is sent was cut to the length here
        self._plain = plugin.resolve_format(self._text) is self._text
        self._room, self._title_room = plugin.body_maxlen, plugin.title_maxlen

    def send(self, title: str, text: str) -> bool:
        """Send once, as plain text that is escaped for this channel and cut to its length. Never raises."""
        try:
            title, text = (clean(redaction.text(part)) for part in (title, text))
            title = fitted(title, self._scheme, self._title_room or self._room // 4, plain=self._plain)
            text = fitted(text, self._scheme, self._room - 2 * len(title) - MARKUP, plain=self._plain)
            return bool(self._apprise.notify(title=title, body=text, body_format=self._text))
        except Exception:  # a fault of a plugin counts as a message that was not delivered
            return False


class Channel:
    """All targets of a file."""

    def __init__(self, urls: Sequence[str], numbers: Sequence[int] | None = None) -> None:
        """`numbers` are the lines of the addresses in their file. Raises SettingsError for an invalid address."""
        logging.getLogger("apprise").setLevel(logging.CRITICAL)  # its records may show parts of an address
        numbers = numbers or range(1, len(urls) + 1)
        self.targets = [Target(number, url) for number, url in zip(numbers, urls, strict=True)]

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
        return [Delivered(target.name, target.send(title, text)) for target in self.targets]
