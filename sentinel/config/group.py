"""The base class of every group of settings, and the types of values that people write as one line of text."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Annotated, ClassVar, TypeVar, get_args
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

MAX_QUOTE = 1e9  # quote tokens: the largest amount that any setting may name
MAX_COIN = 1e6  # native coin
MAX_TOKENS = 1e15  # whole tokens; some tokens are worth less than a millionth of a dollar
MAX_GWEI = 100_000.0  # gwei per gas
MAX_TIMEOUT = 120.0  # seconds, of one request
SECRET_ERROR = "secret_value"  # the type of a validation error whose input must not be shown

_INTEGER = re.compile(r"[+-]?[0-9]+", re.ASCII)
_DECIMAL = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?", re.ASCII)

T = TypeVar("T")


class SettingsGroup(BaseModel):
    """A new number needs finite bounds on both sides, and a text from a closed set a Literal: tests check both."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    reloadable: ClassVar[frozenset[str]] = frozenset()  # names of what may change while the daemon runs

    @field_validator("*", mode="before")
    @classmethod
    def _numbers_in_ascii_digits(cls, value: object, info: ValidationInfo) -> object:
        kinds = _kinds(cls.model_fields[info.field_name].annotation) if info.field_name else set()
        if isinstance(value, str) and kinds & {int, float} and str not in kinds:
            return number(value, whole=float not in kinds)
        return value

    @field_validator("*", mode="after")
    @classmethod
    def _home_is_known(cls, value: object) -> object:
        if isinstance(value, Path):
            try:
                value.expanduser()
            except RuntimeError:
                raise ValueError("the home directory of ~ cannot be found") from None
        return value


def _kinds(annotation: object) -> set[object]:
    """The type itself, or the members of a union of types."""
    return set(get_args(annotation)) or {annotation}


def number(text: str, *, whole: bool) -> str:
    """The text if it is a finite decimal number in ASCII digits. Raises ValueError."""
    text = text.strip()
    if not (_INTEGER if whole else _DECIMAL).fullmatch(text):
        raise ValueError(f"write a {'whole number' if whole else 'number'} in the digits 0 to 9")
    if not whole and not math.isfinite(float(text)):
        raise ValueError("the number is too large")
    return text


def comma_separated(value: object) -> object:
    """'a, b' -> ('a', 'b'). Raises ValueError for an item that is empty or stands there twice."""
    if not isinstance(value, str):
        return value
    items = [item.strip() for item in value.split(",")] if value.strip() else []
    if "" in items:
        raise ValueError("an item between commas is empty")
    if len(set(items)) < len(items):
        raise ValueError("an item is written twice")
    return tuple(items)


def _pairs(value: object, unit: str, *, whole: bool) -> object:
    """'A=1,B=2' -> {'A': '1', 'B': '2'}. Raises ValueError for a symbol that stands there twice."""
    if not isinstance(value, str):
        return value
    pairs: dict[str, str] = {}
    for item in value.split(",") if value.strip() else []:
        symbol, is_pair, amount = (part.strip() for part in item.partition("="))
        if not (symbol and is_pair and amount):
            raise ValueError(f"write it as SYMBOL={unit},SYMBOL={unit}")
        if symbol in pairs:
            raise ValueError(f"{symbol} is written twice")
        pairs[symbol] = number(amount, whole=whole)
    return pairs


def _weights(value: object) -> object:
    """'WETH=5000,USDC=5000' -> {'WETH': '5000', 'USDC': '5000'}."""
    return _pairs(value, "BPS", whole=True)


def _amounts(value: object) -> object:
    """'WETH=0.5,USDC=2000' -> {'WETH': '0.5', 'USDC': '2000'}."""
    return _pairs(value, "AMOUNT", whole=False)


def check_url(url: str, schemes: tuple[str, ...]) -> str:
    """The address itself. Raises ValueError, which never quotes the address, because a part of it may be a key."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ValueError("this is not an address") from None
    if parts.scheme.lower() not in schemes or not host or any(c.isspace() or not c.isprintable() for c in url):
        raise ValueError(f"an address begins with {' or '.join(f'{scheme}://' for scheme in schemes)} and names a host")
    return url


PROPOSERS = ("student", "oracle", "code")  # the names that a proposer may have in place of an address
HTTP, WEB_SOCKET = ("http", "https"), ("ws", "wss")


def _url(schemes: tuple[str, ...], *, optional: bool) -> AfterValidator:
    def check(url: str) -> str:
        if optional and not url:
            return url
        try:
            return check_url(url, schemes)
        except ValueError as error:
            raise PydanticCustomError(SECRET_ERROR, "{why}", {"why": str(error)}) from None

    return AfterValidator(check)


def _comma_separated_urls(value: object) -> object:
    """As `comma_separated`, with errors that never quote the value, because a part of it may be a key."""
    try:
        return comma_separated(value)
    except ValueError as error:
        raise PydanticCustomError(SECRET_ERROR, "{why}", {"why": str(error)}) from None


def _keyless(url: str) -> str:
    """An address without the parts in which keys stand: user, path and query."""
    parts = urlsplit(url)
    if parts.username or parts.password or parts.path not in ("", "/") or parts.query:
        raise PydanticCustomError(
            SECRET_ERROR, "a user, a path or a query may be a key: put this address into the file"
        )
    return url


def distinct(items: tuple[T, ...]) -> tuple[T, ...]:
    if len(set(items)) < len(items):
        raise ValueError("an item is written twice")
    return items


def _proposer(value: str) -> str:
    """One of PROPOSERS, or the address of a server with its path. Raises ValueError, which never quotes an address."""
    if value in PROPOSERS:
        return value
    if "/" not in value and "@" not in value:
        raise ValueError(f"write {', '.join(PROPOSERS)}, or the address of a server, such as http://127.0.0.1:9000/v1")
    try:
        if not urlsplit(check_url(value, HTTP)).path.strip("/"):
            raise ValueError("the address of a server ends with its path, most often /v1")
    except ValueError as error:
        raise PydanticCustomError(SECRET_ERROR, "{why}", {"why": str(error)}) from None
    return value


HttpUrl = Annotated[str, _url(HTTP, optional=False)]
HttpUrlOrNone = Annotated[str, _url(HTTP, optional=True)]  # empty: none
WsUrl = Annotated[str, _url(WEB_SOCKET, optional=False)]
WsUrlOrNone = Annotated[str, _url(WEB_SOCKET, optional=True)]
CommaList = BeforeValidator(comma_separated)
_UrlList = BeforeValidator(_comma_separated_urls)
HttpUrls = Annotated[tuple[HttpUrl, ...], _UrlList]
WsUrls = Annotated[tuple[WsUrl, ...], _UrlList]
ProposerName = Annotated[str, AfterValidator(_proposer)]
KeylessHttpUrl = Annotated[HttpUrlOrNone, AfterValidator(_keyless)]
Weights = Annotated[dict[str, Annotated[int, Field(ge=0, le=10_000)]], BeforeValidator(_weights)]
Amounts = Annotated[dict[str, Annotated[float, Field(gt=0, le=MAX_TOKENS)]], BeforeValidator(_amounts)]
