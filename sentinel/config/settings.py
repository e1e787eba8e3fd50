"""Every knob, from the environment: SENTINEL_<GROUP>__<NAME>. Frozen once loaded; nothing else reads the environment.

Precedence: explicit arguments (the command line) > environment > `.env` > credentials > defaults. Secrets are files.
"""

from __future__ import annotations

import difflib
import os
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from sentinel.config import renamed
from sentinel.config.credentials import Credentials
from sentinel.config.group import SettingsGroup
from sentinel.config.limits import LimitSettings
from sentinel.config.rpc_settings import RpcSettings
from sentinel.config.setting_groups import (
    AnalystSettings,
    ExecutionSettings,
    ForkSettings,
    LogSettings,
    ModelSettings,
    NotifySettings,
    ShadowSettings,
    SignerSettings,
    StrategySettings,
    VoteSettings,
    WalletSettings,
    WebSettings,
)
from sentinel.core.errors import SettingsError

PREFIX = "SENTINEL_"


class Settings(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        env_file=".env",
        env_ignore_empty=True,
        extra="forbid",
        frozen=True,
    )

    network: str = Field("devnet", description="name of a file in sentinel/config/networks/, or path of a network file")
    proposer: Literal["student", "oracle"] = Field(
        "student", description="source of the proposals: the student, or the oracle (the built-in solver)"
    )
    first_thought: str = Field(
        "playbook", description="first thought of an episode: `playbook` (the playbook's own), `none`, or a sentence"
    )
    state_dir: Path = Field(
        Path("~/.local/state/sentinel"),
        description="folder of journal, memory, lock and control socket; one per wallet",
    )
    data_dir: Path | None = Field(
        None,
        description="folder of recorded prices for the local market, tests and training; if empty, ../shared/data "
        "in a checkout, else data/ in the cache",
    )
    cache_dir: Path | None = Field(None, description="folder of fetched artifacts; if empty, $XDG_CACHE_HOME/sentinel")
    rpc: RpcSettings = RpcSettings()
    fork: ForkSettings = ForkSettings()
    model: ModelSettings = ModelSettings()
    shadow: ShadowSettings = ShadowSettings()
    strategy: StrategySettings = StrategySettings()
    analyst: AnalystSettings = AnalystSettings()
    vote: VoteSettings = VoteSettings()
    limits: LimitSettings = LimitSettings()
    execution: ExecutionSettings = ExecutionSettings()
    wallet: WalletSettings = WalletSettings()
    signer: SignerSettings = SignerSettings()
    web: WebSettings = WebSettings()
    log: LogSettings = LogSettings()
    notify: NotifySettings = NotifySettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, dotenv_settings, Credentials(settings_cls)

    @model_validator(mode="after")
    def _relays_are_paid(self) -> Settings:
        if self.rpc.relay_url and self.execution.min_priority_fee_gwei == 0:
            raise ValueError("a relay takes nothing without a tip: raise execution.min_priority_fee_gwei above 0")
        return self


def load(env_file: Path | None = Path(".env"), **explicit: Any) -> Settings:
    """The effective settings. Raises SettingsError with one line for each thing to mend."""
    unknown = _unknown_names()
    if unknown:
        raise SettingsError("\n".join(unknown))
    try:
        if env_file is not None and env_file.is_file():
            env_file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{env_file} cannot be read: {type(error).__name__}") from None
    try:
        return Settings(_env_file=env_file, **explicit)
    except ValidationError as error:
        raise SettingsError("\n".join(_explain(item) for item in error.errors())) from error


def environment(settings: Settings, *names_: str) -> dict[str, str]:
    """Variables that give another process the same values of these fields and groups. No secret is among them."""
    found: dict[str, str] = {}
    for name in names_:
        value = getattr(settings, name)
        fields = {f"{name}__{key}": item for key, item in value} if isinstance(value, SettingsGroup) else {name: value}
        for key, item in fields.items():
            found[f"{PREFIX}{key}".upper()] = _text(item)
    return found


def _text(value: object) -> str:
    """One value as it is written in the environment."""
    if isinstance(value, dict):
        return ",".join(f"{symbol}={n}" for symbol, n in value.items())
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return "" if value is None else str(value)


def names() -> dict[str, tuple[str, Any]]:
    """Every environment name with its description and default."""
    found: dict[str, tuple[str, Any]] = {}
    for name, info in Settings.model_fields.items():
        kind = info.annotation
        if isinstance(kind, type) and issubclass(kind, SettingsGroup):
            for inner, inner_info in kind.model_fields.items():
                found[f"{PREFIX}{name}__{inner}".upper()] = (inner_info.description or "", inner_info.default)
        else:
            found[f"{PREFIX}{name}".upper()] = (info.description or "", info.default)
    return found


def _unknown_names() -> list[str]:
    known = names()
    complaints = []
    for name in sorted(os.environ):
        if name.upper().startswith(PREFIX) and name.upper() not in known and name not in NOT_SETTINGS:
            complaints.append(_unknown(name))
    return complaints


def _unknown(name: str) -> str:
    if new := renamed.RENAMED.get(name.upper()):
        return f"{name} has a new name: set {new} instead"
    near = difflib.get_close_matches(name.upper(), names(), n=1, cutoff=0.0)
    return f"{name} is not a setting; did you mean {near[0]}?"


NOT_SETTINGS = frozenset({"SENTINEL_REQUIRE_DATA"})  # read by the tests alone


def _explain(item: Any) -> str:
    name = PREFIX + "__".join(str(part) for part in item["loc"]).upper()
    if item["type"] == "extra_forbidden":
        return _unknown(name)
    given = item.get("input")
    shown = (
        "" if isinstance(given, dict | BaseModel) else f" (got {given!r})"
    )  # a whole group may hold a secret address
    return f"{name}: {item['msg']}{shown}"
