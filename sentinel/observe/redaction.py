"""Removal of secrets from logs: by field name, by the form of an address, and by the secrets that were read.

No rule guesses what a secret looks like. A field with the name of a secret is never shown. Of an address only scheme,
host and port are shown. Each secret that the process has read (`remember`) is cut out of every text, tracebacks and
foreign replies included. A transaction hash has the form of a key, so hex is not hidden by its form.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from pydantic import BaseModel
from structlog.typing import EventDict

HIDDEN = "(secret)"
NAMES = frozenset(
    {"api_key", "apikey", "authorization", "bearer", "key", "mnemonic", "passphrase", "password", "private_key"}
    | {"proxy-authorization", "secret", "x-api-key"}
)
MIN_SECRET = 6  # characters; a shorter text occurs in too many words
MIN_ADDRESS_PART = 12  # characters; shorter parts of an address are words such as `chat` and `completions`

_ADDRESS = re.compile(r"\b([A-Za-z][A-Za-z0-9+.-]*)://[^\s\"'<>\\]+")
_PLAIN = frozenset({"http", "https", "ws", "wss"})  # in others (tgram://TOKEN/…) the host itself is the secret
_BEARER = re.compile(r"\b(Bearer|Basic) +[^\s\"',]+", re.IGNORECASE)
_known: set[str] = set()


def remember(*secrets: str) -> None:
    """Cut `secrets` out of every text from now on, until the process ends."""
    _known.update(secret for secret in (text.strip() for text in secrets) if len(secret) >= MIN_SECRET)


def remember_addresses(settings: BaseModel) -> None:
    """Remember the parts of every address in these settings, nested ones too, that may be a key of the endpoint."""
    for _, value in settings:
        if isinstance(value, BaseModel):
            remember_addresses(value)
        for item in value if isinstance(value, tuple) else (value,):
            if isinstance(item, str) and "://" in item:
                _known.update(part for part in _parts(item) if len(part) >= MIN_ADDRESS_PART)
                if password := urlsplit(item).password:
                    remember(password, unquote(password))


def text(shown: str) -> str:
    """The text with every secret replaced by `HIDDEN`."""
    shown = _ADDRESS.sub(_host, shown)
    shown = _BEARER.sub(rf"\1 {HIDDEN}", shown)
    for secret in sorted(_known, key=len, reverse=True):  # a long secret may contain a short one
        shown = shown.replace(secret, HIDDEN)
    return shown


def redacted(_: Any, __: str, event: EventDict) -> EventDict:
    """A structlog processor that belongs after the exception renderer and before the line renderer."""
    return {name: _clean(name, value) for name, value in event.items()}


def _clean(name: str, value: Any) -> Any:
    if name.lower() in NAMES:
        return HIDDEN
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {text(str(key)): _clean(str(key), item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean("", item) for item in value]
    return text(str(value))


def _host(found: re.Match[str]) -> str:
    scheme = found[1].lower()
    if scheme not in _PLAIN:
        return f"{scheme}://{HIDDEN}"
    rest = found[0].partition("://")[2]
    return f"{scheme}://{re.split('[/?#]', rest, maxsplit=1)[0].rsplit('@', 1)[-1]}"


def _parts(address: str) -> Iterable[str]:
    split = urlsplit(address)
    if split.scheme.lower() not in _PLAIN:
        yield split.netloc
    user = split.username or ""
    for part in (*split.path.split("/"), *(value for _, value in parse_qsl(split.query)), split.query, user):
        yield part
        yield unquote(part)
