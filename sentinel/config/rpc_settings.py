"""The settings of the endpoints: SENTINEL_RPC__..."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field, model_validator

from sentinel.config.credentials import is_credential, secret_lines
from sentinel.config.group import (
    HTTP,
    MAX_TIMEOUT,
    WEB_SOCKET,
    HttpUrl,
    HttpUrlOrNone,
    HttpUrls,
    SettingsGroup,
    WsUrlOrNone,
    WsUrls,
    check_url,
    comma_separated,
)


class RpcSettings(SettingsGroup):
    url: HttpUrl = Field("http://127.0.0.1:8545", description="JSON-RPC endpoint of the chain")
    url_file: Path | None = Field(
        None, description="file that holds `url`, which may contain a key; more lines in it are `urls`"
    )
    urls: HttpUrls = Field(
        (), description="more endpoints of the same chain (commas); if `url` is not set, the first takes its place"
    )
    ws_url: WsUrlOrNone = Field(
        "", description="WebSocket endpoint for new heads; if empty, the JSON-RPC endpoints are polled"
    )
    ws_url_file: Path | None = Field(None, description="file that holds `ws_url`; more lines in it are `ws_urls`")
    ws_urls: WsUrls = Field(
        (), description="more WebSocket endpoints, separated by commas; the next one is used if one fails"
    )
    max_dispute_seconds: float = Field(
        12.0,
        ge=0,
        le=600,
        description="longest time with different blocks at the endpoints before cycles hold (seconds)",
    )
    read_timeout: float = Field(10.0, gt=0, le=MAX_TIMEOUT, description="timeout of a read (seconds)")
    send_timeout: float = Field(
        5.0,
        gt=0,
        le=MAX_TIMEOUT,
        description="timeout of a send (seconds); a failed send is always reported, never retried silently",
    )
    relay_url: HttpUrlOrNone = Field(
        "", description="private relay that alone receives our transactions; if empty, the endpoints do"
    )
    relay_url_file: Path | None = Field(None, description="file that holds `relay_url`")
    relay_status_url: HttpUrlOrNone = Field(
        "", description="status API of the relay, up to the transaction hash; its answers are only displayed"
    )

    @property
    def endpoints(self) -> tuple[str, ...]:
        """All JSON-RPC endpoints, the preferred one first."""
        return tuple(dict.fromkeys((self.url, *self.urls)))

    @property
    def ws_endpoints(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(url for url in (self.ws_url, *self.ws_urls) if url))

    @model_validator(mode="before")
    @classmethod
    def _from_files(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        values = dict(given)
        for name, more, schemes in (("url", "urls", HTTP), ("ws_url", "ws_urls", WEB_SOCKET), ("relay_url", "", HTTP)):
            if not (path := given.get(f"{name}_file")):
                continue
            first, *others = _addresses(Path(path), schemes)
            if given.get(name, first) != first:
                if is_credential(Path(path)):  # a setting takes precedence over a credential
                    continue
                raise ValueError(f"set {name} or {name}_file, not both")
            values[name] = first
            if others and not more:
                raise ValueError(f"{path}: the file must hold one line")
            listed = comma_separated(given.get(more))
            if others and isinstance(listed, list | tuple) and listed and [*listed] != others:
                raise ValueError(f"set {more} or more lines in {name}_file, not both")
            if others:
                values[more] = tuple(others)
        return values

    @model_validator(mode="before")
    @classmethod
    def _first_of_several(cls, given: Any) -> Any:
        if not isinstance(given, dict) or not given.get("urls") or given.get("url"):
            return given
        try:
            urls = comma_separated(given["urls"])
        except ValueError:  # reported with the setting's own name by the field's validator
            return given
        return {**given, "url": urls[0]} if isinstance(urls, list | tuple) and urls else given

    @model_validator(mode="after")
    def _status_of_a_relay(self) -> RpcSettings:
        if self.relay_status_url and not self.relay_url:
            raise ValueError("relay_status_url needs relay_url")
        return self


def _addresses(path: Path, schemes: tuple[str, ...]) -> list[str]:
    """The addresses of the file, one per line. Raises ValueError, which names the line and never quotes it."""
    lines = secret_lines(path)
    for line in lines:
        try:
            check_url(line.text, schemes)
        except ValueError as error:
            raise ValueError(f"{path}, line {line.number}: {error}") from None
    return [line.text for line in lines]
