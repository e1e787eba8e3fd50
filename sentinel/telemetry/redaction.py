"""Secrets taken out of whatever is logged: not by what looks like one, but by what the settings say is one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

SHORTEST = 8  # characters: shorter ones are words, and taking those out would leave nothing to read
INSTEAD = "[redacted]"


def of_address(url: str) -> list[str]:
    """What of an address may be a key: user and password, parts of the path, values of the query."""
    parts = urlsplit(url)
    user, password = parts.username or "", parts.password or ""
    found = [user, password, *parts.path.split("/"), *(value for _, value in parse_qsl(parts.query))]
    return [shape for one in found for shape in {one, unquote(one)} if len(shape) >= SHORTEST]


class Redaction:
    """A structlog processor."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets = sorted({one for one in secrets if len(one) >= SHORTEST}, key=len, reverse=True)

    def __call__(self, _: Any, __: str, event: Any) -> Any:
        return self.taken_out(event) if self._secrets else event

    def taken_out(self, value: Any) -> Any:
        """However deep it lies. What is no text, number or container comes back as its text where that had a secret."""
        match value:
            case str():
                return self._text(value)
            case Mapping():
                return {self.taken_out(key): self.taken_out(item) for key, item in value.items()}
            case list() | tuple() | set() | frozenset():
                return [self.taken_out(item) for item in value]
            case None | bool() | int() | float():
                return value
            case _:
                text = str(value)
                return value if (clean := self._text(text)) == text else clean

    def _text(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, INSTEAD)
        return text
