"""Where the value of a setting was written, and the line as a complaint quotes it. Pure.

A complaint names file and line, environment, command line or credential, and quotes NAME=VALUE as it was written. A
value that may be a secret is never quoted: that of a setting for an address or a file, one that looks like a key, and
that of an unknown name, which may be a misspelled secret, unless it is plainly harmless.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from sentinel.config import renamed

MAX_QUOTED = 80  # characters of a value
SIMILAR = 0.85  # difflib ratio from which an unknown name is taken for a misspelled setting
ENABLE_SERVICE_LINKS = (
    "Kubernetes injects such variables for each Service; set enableServiceLinks: false in the pod's spec"
)
OF_COMPOSE = {  # variables of docker compose's own .env -> the setting that docker-compose.yml makes of them
    "SIGNER_SOCKET": "SENTINEL_WALLET__SIGNER_SOCKET",
    "SECRETS_DIR": "",
}

_SECRET_SETTING = re.compile(
    r"(^|_)(URLS?|FILE)$"
)  # addresses may hold a key; a path may be a secret pasted by mistake
_SECRET_WORD = re.compile(r"PASS|KEY|SECRET|TOKEN|SEED|MNEMONIC|PHRASE|PRIVATE|AUTH|CRED|URL|FILE|WEBHOOK")
_LOOKS_SECRET = re.compile(r"[0-9a-fA-F]{32}|://[^/?#]*@|://[^/]*[/?#].")  # a key, or an address with more than a host
_ADDRESS = r"(?:[0-9]{1,3}(?:\.[0-9]{1,3}){3}|\[?[0-9a-fA-F:]+\]?)"
_SERVICE = re.compile(
    r"SENTINEL_(?:[A-Z0-9]+_)*(?:PORT(?:_[0-9]+_[A-Z]+(?:_PROTO|_PORT|_ADDR)?)?|SERVICE_HOST|SERVICE_PORT\w*)"
)
_SERVICE_VALUE = re.compile(rf"(?:tcp|udp|sctp)(?:://{_ADDRESS}:[0-9]+)?|[0-9]+|{_ADDRESS}")


@dataclass(frozen=True, slots=True)
class GivenValue:
    """A value that is not a default, as it was given."""

    value: object
    source: Literal["cli", "env", ".env", "credential"]
    origin: str = ""  # file and line
    written: str = ""  # the name as it was written; empty if the setting's own

    def place(self) -> str:
        """'/etc/sentinel/sentinel.env, line 3', 'environment', 'command line' or 'systemd credential'."""
        named = {"cli": "command line", "env": "environment", ".env": "env file", "credential": "systemd credential"}
        return self.origin or named[self.source]


def written_line(name: str, given: GivenValue, *, quotable: bool = True) -> str:
    """'environment: SENTINEL_WEB__PORT=many'."""
    return f"{given.place()}: {quoted(given.written or name, given.value, quotable=quotable)}"


def complaint(name: str, given: GivenValue, problem: str, *, quotable: bool = True) -> str:
    """'environment: SENTINEL_WEB__PORT=many: write a whole number in the digits 0 to 9'."""
    return f"{written_line(name, given, quotable=quotable)}: {problem}"


def unknown(name: str, given: GivenValue, known: Collection[str]) -> str:
    """The complaint about a name that no setting has, with the line and the setting that was probably meant."""
    text = given.value if isinstance(given.value, str) else ""
    upper = name.upper()
    if _SERVICE.fullmatch(upper) and _SERVICE_VALUE.fullmatch(text):
        return f"{given.place()}: {name}={text} is not a setting: {ENABLE_SERVICE_LINKS}"
    if given.source == ".env" and (upper in OF_COMPOSE or upper.startswith("COMPOSE_")):
        setting = OF_COMPOSE.get(upper, "")
        meant = f"; the daemon's own setting is {setting}" if setting else ""
        return (
            f"{given.place()}: {quoted(name, text)} is not a setting: docker compose reads it in its own .env; "
            f"name another file with --env-file for the daemon{meant}"
        )
    if (instead := renamed.removed(upper, text)) is not None:
        line = quoted(name, text, quotable=not _SECRET_WORD.search(upper))
        return f"{given.place()}: {line} is gone: {instead}"
    new = renamed.RENAMED.get(upper)
    near = new or difflib.get_close_matches(upper, known, n=1, cutoff=0.0)[0]
    sure = new is not None or difflib.SequenceMatcher(None, upper, near).ratio() >= SIMILAR
    line = quoted(name, text, quotable=sure and not _SECRET_WORD.search(upper) and not may_be_secret(near))
    what = f"has a new name: set {new} instead" if new else f"is not a setting; did you mean {near}?"
    return f"{given.place()}: {line} {what}"


def may_be_secret(name: str) -> bool:
    """Whether the value of this setting may be, or may hold, a secret."""
    return bool(_SECRET_SETTING.search(name.upper()))


def quoted(name: str, value: object, *, quotable: bool = True) -> str:
    """NAME=VALUE in printable ASCII with a maximum length; NAME alone if the value may be a secret."""
    text = str(value) if isinstance(value, str | int | float) else ""
    if not text or not quotable or may_be_secret(name) or _LOOKS_SECRET.search(text):
        return ascii(name)[1:-1]
    shown = ascii(text)[1:-1] if not (text.isascii() and text.isprintable()) else text
    return f"{ascii(name)[1:-1]}={shown if len(shown) <= MAX_QUOTED else shown[: MAX_QUOTED - 3] + '...'}"
