"""The settings of the chain's endpoints: SENTINEL_RPC__..."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field, model_validator

from sentinel.config.credentials import is_credential, secret_lines
from sentinel.config.group import CommaList, SettingsGroup, comma_separated


class RpcSettings(SettingsGroup):
    url: str = Field("http://127.0.0.1:8545", description="JSON-RPC endpoint of the chain")
    url_file: Path | None = Field(None, description="file with it, since it may hold a key; further lines: urls")
    urls: CommaList = Field(
        (), description="further ones of the same chain, with commas; without `url` the first is that"
    )
    ws_url: str = Field("", description="WebSocket endpoint for new heads; empty: poll the JSON-RPC endpoints")
    ws_url_file: Path | None = Field(None, description="file with it; further lines: ws_urls")
    ws_urls: CommaList = Field((), description="further ones, with commas; the next is taken where one fails")
    max_dispute_seconds: float = Field(
        12.0, ge=0, description="seconds that endpoints may show different blocks before nothing is decided"
    )
    read_timeout: float = Field(10.0, gt=0, description="seconds for a read")
    send_timeout: float = Field(5.0, gt=0, description="seconds for a send; a send is never retried in silence")
    relay_url: str = Field("", description="private relay that alone gets our transactions (Flashbots Protect style)")
    relay_url_file: Path | None = Field(None, description="file with it")
    relay_status_url: str = Field("", description="its status API, up to the hash; what it says is only shown")

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
