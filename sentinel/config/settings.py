"""All settings, and how they are loaded: SENTINEL_<GROUP>__<NAME>. Nothing else reads the environment.

Precedence: explicit arguments (the command line) > environment > `.env` > credentials > defaults. Secrets are files.
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import Field, PrivateAttr, ValidationError, model_validator
from pydantic.fields import FieldInfo

from sentinel.config import env_file as env_file_
from sentinel.config.credentials import credential_files
from sentinel.config.group import PROPOSERS, SECRET_ERROR, ProposerName, SettingsGroup
from sentinel.config.journal_settings import JournalSettings
from sentinel.config.limits import LimitSettings
from sentinel.config.origins import GivenValue, complaint, quoted, unknown, written_line
from sentinel.config.paper_settings import PaperSettings
from sentinel.config.reading_settings import ReadingSettings
from sentinel.config.rpc_settings import RpcSettings
from sentinel.config.setting_groups import (
    ExecutionSettings,
    ForkSettings,
    LogSettings,
    ModelSettings,
    NotifySettings,
    ShadowSettings,
    SignerSettings,
    VoteSettings,
    WalletSettings,
    WebSettings,
)
from sentinel.config.strategy_settings import StrategySettings
from sentinel.core.edges import settings_edge
from sentinel.core.errors import SettingsError

PREFIX = "SENTINEL_"
DOT_ENV = Path(".env")
NOT_SETTINGS = frozenset({"SENTINEL_REQUIRE_DATA"})  # only the tests read it
_VARIABLE = re.compile(r"SENTINEL_[A-Z0-9_]+")


class Settings(SettingsGroup):
    network: str = Field("devnet", description="name of a file in sentinel/config/networks/, or path of a network file")
    proposer: ProposerName = Field(
        "student",
        description="source of the proposals: `student` (the model at SENTINEL_MODEL__URL), `oracle` (the player "
        "of the approved order), `code` (the program SENTINEL_STRATEGY__FILE), or the URL of an OpenAI-compatible "
        "server",
    )
    state_dir: Path = Field(
        Path("~/.local/state/sentinel"),
        description="folder of journal, memory, lock and control socket; one per wallet",
    )
    data_dir: Path | None = Field(
        None,
        description="folder of your own price sets (docs/price-data.md); if empty, ../shared/data in a checkout, else "
        "data/ in the cache",
    )
    cache_dir: Path | None = Field(None, description="folder of fetched artifacts; if empty, $XDG_CACHE_HOME/sentinel")
    rpc: RpcSettings = RpcSettings()
    fork: ForkSettings = ForkSettings()
    model: ModelSettings = ModelSettings()
    reading: ReadingSettings = ReadingSettings()
    shadow: ShadowSettings = ShadowSettings()
    strategy: StrategySettings = StrategySettings()
    vote: VoteSettings = VoteSettings()
    limits: LimitSettings = LimitSettings()
    execution: ExecutionSettings = ExecutionSettings()
    wallet: WalletSettings = WalletSettings()
    signer: SignerSettings = SignerSettings()
    web: WebSettings = WebSettings()
    log: LogSettings = LogSettings()
    notify: NotifySettings = NotifySettings()
    journal: JournalSettings = JournalSettings()
    paper: PaperSettings = PaperSettings()
    _lines: Mapping[str, str] = PrivateAttr(default_factory=dict)  # by variable: place and line of what is no default

    def __eq__(self, other: object) -> bool:
        """Equal values are equal, wherever they were written."""
        return isinstance(other, Settings) and self.__dict__ == other.__dict__

    __hash__ = None  # type: ignore[assignment]

    def with_lines(self, text: str) -> str:
        """A complaint with the lines, and their places, of the settings that it names."""
        named = dict.fromkeys(_VARIABLE.findall(text))
        lines = [self._lines[name] for name in named if name in self._lines]
        return f"{text} [{'; '.join(lines)}]" if lines else text

    @property
    def proposer_url(self) -> str:
        """The address of the server that proposes; empty if the proposer has a name."""
        return "" if self.proposer in PROPOSERS else self.proposer

    @property
    def needs_order(self) -> bool:
        """Whether the proposer trades an approved order alone; a program and a server may have a mind of their own."""
        return self.proposer in ("student", "oracle")

    @property
    def asks_model(self) -> bool:
        """Whether proposals come from a server."""
        return self.proposer == "student" or bool(self.proposer_url)

    @model_validator(mode="after")
    def _relays_are_paid(self) -> Settings:
        if self.rpc.relay_url and self.execution.min_priority_fee_gwei == 0:
            raise ValueError("a relay needs a priority fee: raise execution.min_priority_fee_gwei above 0")
        return self


GivenValues = dict[str, GivenValue]


def load(env_file: Path | None = DOT_ENV, **explicit: Any) -> Settings:
    """The effective settings: `explicit` (the command line) over environment over `env_file` over credentials.

    Raises SettingsError with one line for each problem. Whatever else a library raises becomes a SettingsError too.
    """
    with settings_edge("the settings cannot be loaded"):
        values = given(env_file, explicit)
        try:
            settings = Settings(**_nested(values))
            settings._lines = {name: written_line(name, value) for name, value in values.items()}
            return settings
        except ValidationError as error:
            raise SettingsError("\n".join(_explain(item, values) for item in error.errors())) from error


def given(env_file: Path | None, explicit: Mapping[str, Any], environ: Mapping[str, str] = os.environ) -> GivenValues:
    """Every value that is not a default, by the name of its variable.

    Raises SettingsError with one line for each name that is unknown, given twice or empty, and for each value that no
    setting can have.
    """
    problems: list[str] = []
    values: GivenValues = {}
    for group, files in credential_files(Settings, environ).items():
        for field, path in files.items():
            values[f"{PREFIX}{group}__{field}".upper()] = GivenValue(path, "credential")
    if env_file is not None:
        written = env_file_.read(env_file, _quoted) if _is_there(env_file) else {}
        for name, line in written.items():
            _take(values, problems, name, GivenValue(line.text, ".env", line.origin, line.name))
    variables: dict[str, str] = {}
    for name in sorted(environ):
        if not name.upper().startswith(PREFIX) or name in NOT_SETTINGS:
            continue
        if name.upper() in variables:
            problems.append(f"{name} and {variables[name.upper()]} are both in the environment")
            continue
        variables[name.upper()] = name
        variable = GivenValue(environ[name], "env", written=name)
        if problem := env_file_.value_problem(environ[name]):
            problems.append(complaint(name, variable, problem, quotable=name.upper() in fields()))
        else:
            _take(values, problems, name, variable)
    for name, value in _flat(explicit):
        _take(values, problems, name, GivenValue(value, "cli"))
    if problems:
        raise SettingsError("\n".join(problems))
    return values


def _is_there(env_file: Path) -> bool:
    """Only `.env` may be absent. A file that cannot be read, or a link to nothing, is an error of its own."""
    return env_file != DOT_ENV or os.path.lexists(env_file)


def _take(values: GivenValues, problems: list[str], name: str, value: GivenValue) -> None:
    """Put the value over what is there.

    An empty text is an error if the default is not empty. Else it is no value: a variable leaves what is there, and
    --set puts the default over it.
    """
    info = fields().get(name.upper())
    if info is None:
        problems.append(unknown(name, value, fields()))
    elif value.value != "":
        values[name.upper()] = value
    elif info.default in (None, "", (), {}):
        if value.source == "cli":
            values[name.upper()] = GivenValue(info.default, "cli")
    else:
        problem = f"the value is empty: write one, or leave the name out for the default {info.default}"
        problems.append(complaint(name, value, problem))


def _flat(explicit: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in explicit.items():
        items = value.items() if isinstance(value, Mapping) else value if isinstance(value, SettingsGroup) else None
        if items is not None and name in Settings.model_fields and _is_group(Settings.model_fields[name]):
            yield from ((f"{PREFIX}{name}__{inner}".upper(), item) for inner, item in items)
        else:
            yield f"{PREFIX}{name}".upper(), value


def _nested(values: GivenValues) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for name, given_value in values.items():
        group, _, inner = name.removeprefix(PREFIX).lower().partition("__")
        if inner:
            nested.setdefault(group, {})[inner] = given_value.value
        else:
            nested[group] = given_value.value
    return nested


def environment(settings: Settings, *names_: str) -> dict[str, str]:
    """Variables that give another process the same values of these fields and groups. No secret is among them."""
    variables: dict[str, str] = {}
    for name in names_:
        value = getattr(settings, name)
        items = {f"{name}__{key}": item for key, item in value} if isinstance(value, SettingsGroup) else {name: value}
        for key, item in items.items():
            variables[f"{PREFIX}{key}".upper()] = _text(item)
    return variables


@functools.cache
def fields() -> Mapping[str, FieldInfo]:
    """Every setting by the name of its variable."""
    by_name: dict[str, FieldInfo] = {}
    for name, info in Settings.model_fields.items():
        if _is_group(info):
            group: type[SettingsGroup] = info.annotation  # type: ignore[assignment]
            by_name |= {f"{PREFIX}{name}__{inner}".upper(): item for inner, item in group.model_fields.items()}
        else:
            by_name[f"{PREFIX}{name}".upper()] = info
    return by_name


def _text(value: object) -> str:
    """One value as it is written in the environment."""
    if isinstance(value, dict):
        return ",".join(f"{symbol}={n}" for symbol, n in value.items())
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return "" if value is None else str(value)


def names() -> dict[str, tuple[str, Any]]:
    """Every setting's variable with its description and default."""
    return {name: (info.description or "", info.default) for name, info in fields().items()}


def _is_group(info: FieldInfo) -> bool:
    return isinstance(info.annotation, type) and issubclass(info.annotation, SettingsGroup)


def require_name(name: str, value: str) -> None:
    """Raises SettingsError, with the nearest name or what to write instead, if no setting has this variable."""
    if name not in fields():
        raise SettingsError(unknown(name, GivenValue(value, "cli"), fields()))


def _quoted(name: str, value: str) -> str:
    """The line of a file as an error may quote it."""
    return quoted(name, value, quotable=name.upper() in fields())


def _explain(item: Any, values: GivenValues) -> str:
    """One validation error as a line: where the value was written, the line itself, and the problem."""
    message = item["msg"].removeprefix("Value error, ")
    if not item["loc"]:  # a contradiction between groups, which the message names
        return str(message)
    group, *inner = (str(part) for part in item["loc"])
    name = PREFIX + group.upper()
    if name not in fields() and inner:
        name, inner = f"{name}__{inner[0]}".upper(), inner[1:]
    if name not in values:
        return f"{'.'.join((name, *inner))}: {message}"
    at = f"{inner[0]}: " if inner else ""
    secret = item["type"] == SECRET_ERROR
    return complaint(name, values[name], f"{at}{message}", quotable=not secret)
