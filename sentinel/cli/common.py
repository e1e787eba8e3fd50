"""Shared by all commands: options, settings from the command line, output and the exit codes."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sentinel.core.edges import described
from sentinel.core.errors import JournalTampered, NotRunning, OperatorError, SentinelError, SettingsError

if TYPE_CHECKING:
    from sentinel.config.settings import Settings
    from sentinel.core.network import Network
    from sentinel.daemon.parts import Parts
    from sentinel.daemon.wiring import CycleSidecar
    from sentinel.journal.journal import Journal
    from sentinel.observe.logs import Log

OK, ERROR, USAGE, NOT_RUNNING, CONFIGURATION, TIMEOUT = 0, 1, 2, 3, 4, 5

Json = Annotated[bool, typer.Option("--json", help="Print one JSON value instead of text.")]
Sets = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="A setting for this run, e.g. limits.max_trade=200."),
]
EnvFile = Annotated[Path, typer.Option("--env-file", help="File with SENTINEL_ settings.")]
DOT_ENV = Path(".env")


def explicit(pairs: Sequence[str] | None) -> dict[str, Any]:
    """['web.port=0', 'SENTINEL_NETWORK=x'] -> {'web': {'port': '0'}, 'network': 'x'}. Raises SettingsError."""
    from sentinel.config.settings import PREFIX, require_name

    parsed: dict[str, Any] = {}
    for pair in pairs or ():
        name, is_pair, value = pair.partition("=")
        path = name.strip().lower().removeprefix("sentinel_").replace("__", ".").split(".")
        if not is_pair or not all(path) or len(path) > 2:
            raise SettingsError(f"--set {pair}: write it as NAME=VALUE, e.g. limits.max_trade=200")
        require_name(f"{PREFIX}{'__'.join(path)}".upper(), value)
        values = parsed.setdefault(path[0], {}) if len(path) == 2 else parsed
        if path[-1] in values:
            raise SettingsError(f"--set {pair}: {name.strip()} is given twice")
        values[path[-1]] = value
    return parsed


def load(sets: Sequence[str] | None, env_file: Path, **more: Any) -> Settings:
    """The effective settings, from --set, the environment, the file and the defaults, in this order.

    Raises SettingsError if a setting is wrong or if a named `env_file` does not exist.
    """
    from sentinel.config import settings

    return settings.load(env_file, **merge(explicit(sets), more))


def merge(base: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    """`base` with the values of `more` over it, group by group. A None in `more` changes nothing."""
    merged = dict(base)
    for name, value in more.items():
        if isinstance(value, dict):
            merged[name] = merge(merged.get(name, {}), value)
        elif value is not None:
            merged[name] = value
    return merged


def shadow(settings: Settings) -> Callable[[Parts, Log], CycleSidecar] | None:
    """What makes the sidecar of the shadow student; None if the settings name no shadow."""
    if not settings.shadow.url:
        return None
    from sentinel.distill.promotion.shadow import Shadow

    return Shadow.of


def state_dir(settings: Settings) -> Path:
    return settings.state_dir.expanduser()


def journal_path(settings: Settings) -> Path:
    return state_dir(settings) / "journal.sqlite3"


def open_journal(settings: Settings, *, read_only: bool, whole: bool = True) -> tuple[Journal, Network]:
    """Open the journal of the state directory. Its header names chain and wallet, so no endpoint is queried.

    A reader checks the whole hash chain first unless `whole` is False. Raises NotRunning if there is no journal yet,
    JournalTampered.
    """
    from sentinel.config.network_file import load_network
    from sentinel.journal.journal import Journal

    path = journal_path(settings)
    if not path.exists():
        raise NotRunning(f"no journal in {path.parent}: no daemon has run with this state directory")
    network = load_network(settings.network)
    return Journal.open(path, network, None, None, read_only=read_only, whole=whole), network


def status_of_daemon(settings: Settings) -> dict[str, Any]:
    """The status of the running daemon. Raises NotRunning."""
    from sentinel.daemon.operator.control import ask

    report: dict[str, Any] = ask(state_dir(settings), "status")["status"]
    return report


def refuse_tampered(report: dict[str, Any]) -> None:
    """Raise JournalTampered if the running daemon has found its journal changed."""
    if fault := report.get("journal_fault"):
        raise JournalTampered(fault)


def emit(value: Any, as_json: bool, lines: Callable[[], Iterable[str]]) -> None:
    """Print `value` as one JSON line, or `lines()` as text. NOTE: control characters never reach a terminal."""
    if as_json:
        typer.echo(json.dumps(value, default=str))
        return
    for line in lines():
        typer.echo("".join(c if c.isprintable() or c in "\t" else " " for c in line))


def guarded(run: Callable[[], Any]) -> int:
    """Run a command line and return its exit code. Each error of Sentinel is printed to stderr as `sentinel: …`."""
    try:
        run()
    except SystemExit as request:
        return request.code if isinstance(request.code, int) else (OK if request.code is None else ERROR)
    except NotRunning as error:
        return _complain(error, NOT_RUNNING)
    except (OperatorError, JournalTampered) as error:
        return _complain(error, CONFIGURATION)
    except TimeoutError as error:
        return _complain(error, TIMEOUT)
    except SentinelError as error:
        return _complain(error, ERROR)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return ERROR
    except Exception as error:  # the traceback first: a running daemon has a hook that logs it without secrets
        sys.excepthook(type(error), error, error.__traceback__)
        return _complain(SentinelError(f"internal error: {described(error)}"), ERROR)
    return OK


def _complain(error: Exception, code: int) -> int:
    text = str(error) or type(error).__name__
    if "://" in text or "sentinel.observe.redaction" in sys.modules:  # else there is no secret to remove
        from sentinel.observe import redaction

        text = redaction.text(text)
    for line in text.splitlines():
        typer.echo(f"sentinel: {line}", err=True)
    return code
