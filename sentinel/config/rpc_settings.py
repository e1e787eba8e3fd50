"""The settings of the chain's endpoints: SENTINEL_RPC__..."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field, model_validator

from sentinel.config.credentials import is_credential, secret_lines
from sentinel.config.group import CommaList, SettingsGroup, comma_separated


class RpcSettings(SettingsGroup):
    url: str = Field("http://127.0.0.1:8545", description="JSON-RPC endpoint of the chain")
    url_file: Path | None = Field(
        None, description="file that holds `url`, which may contain a key; more lines in it are `urls`"
    )
    urls: CommaList = Field(
        (), description="more endpoints of the same chain (commas); if `url` is empty, the first takes its place"
    )
    ws_url: str = Field("", description="WebSocket endpoint for new heads; if empty, the JSON-RPC endpoints are polled")
    ws_url_file: Path | None = Field(None, description="file that holds `ws_url`; more lines in it are `ws_urls`")
    ws_urls: CommaList = Field(
        (), description="more WebSocket endpoints, separated by commas; the next one is used if one fails"
    )
    max_dispute_seconds: float = Field(
        12.0, ge=0, description="longest time with different blocks at the endpoints before cycles hold (seconds)"
    )
    read_timeout: float = Field(10.0, gt=0, description="timeout of a read (seconds)")
    send_timeout: float = Field(
        5.0, gt=0, description="timeout of a send (seconds); a failed send is always reported, never retried silently"
    )
    relay_url: str = Field(
        "", description="private relay that alone receives our transactions; if empty, the endpoints do"
    )
    relay_url_file: Path | None = Field(None, description="file that holds `relay_url`")
    relay_status_url: str = Field(
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
        found = dict(given)
        for one, several in (("url", "urls"), ("ws_url", "ws_urls"), ("relay_url", "")):
            if not (path := given.get(f"{one}_file")):
                continue
            first, *more = secret_lines(Path(path))
            if given.get(one, first) != first:
                if is_credential(Path(path)):  # what somebody wrote goes before what was handed over
                    continue
                raise ValueError(f"{one} or {one}_file, not both")
            found[one] = first
            if more and several:
                found[several] = tuple(more)
        return found

    @model_validator(mode="before")
    @classmethod
    def _first_of_several(cls, given: Any) -> Any:
        if isinstance(given, dict) and given.get("urls") and not given.get("url"):
            urls = comma_separated(given["urls"])
            return {**given, "url": urls[0]} if isinstance(urls, list | tuple) and urls else given
        return given

    @model_validator(mode="after")
    def _status_of_a_relay(self) -> RpcSettings:
        if self.relay_status_url and not self.relay_url:
            raise ValueError("relay_status_url without relay_url: there is no relay to ask about")
        return self
