"""An exception that nothing expects, at every edge that a start passes: it becomes an answer with its place.

Each edge is taken from the table that the program itself uses, so a new request or command is tested
without a change here.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from inspect import signature
from pathlib import Path
from typing import Any, NoReturn, cast

import pytest
from pydantic import ValidationError

from sentinel.__main__ import app, main
from sentinel.cli.common import CONFIGURATION
from sentinel.config import limits, network_file, reloadable, settings
from sentinel.config.network_file import load_network
from sentinel.config.terms import Terms
from sentinel.core.errors import SettingsError
from sentinel.signing.process import signer_process, socket_server
from sentinel.signing.process.signer_requests import Request, SetCaps
from sentinel.signing.process.socket_server import SignerServer
from sentinel.signing.wire import VERSION
from tests.attack.edges import FAULTS, Caught, listening, names, raising, raising_without_arguments
from tests.attack_tally import Tries
from tests.daemon import values

START = settings.load(None)


@pytest.fixture
def caught() -> Caught:
    return listening()


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in settings.names():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


# ------------------------------------------------------------ settings and network file, at the start


@pytest.mark.attack("unforeseen errors", "contained")
@pytest.mark.parametrize(
    ("place", "load"),
    [
        ((settings, "given"), lambda: settings.load(None)),
        ((settings, "credential_files"), lambda: settings.load(None)),
        ((settings, "_nested"), lambda: settings.load(None)),
        ((settings, "Settings"), lambda: settings.load(None)),
        ((network_file, "_text"), lambda: load_network("devnet")),
        ((network_file._File, "model_validate"), lambda: load_network("devnet")),
        ((network_file, "_contradictions"), lambda: load_network("devnet")),
        ((network_file, "_network"), lambda: load_network("devnet")),
        ((limits, "base_units"), lambda: Terms.of(START, values.NETWORK)),
        ((settings.Settings, "model_validate"), lambda: reloadable.restored(START, {})),
    ],
)
def test_settings_that_fail_are_a_settings_error(
    place: tuple[Any, str], load: Callable[[], object], monkeypatch: pytest.MonkeyPatch, tries: Tries
) -> None:
    """Exit code 4, which systemd does not restart."""
    for fault in FAULTS:
        if place[1] == "_text" and isinstance(fault, OSError | ValueError):
            continue  # what `_text` itself maps
        with monkeypatch.context() as patch:
            patch.setattr(*place, raising(fault))
            with pytest.raises(SettingsError) as told:
                load()
        if not isinstance(fault, ValidationError):  # which has a message of its own
            assert names(str(told.value), fault)
        tries.contained()


# ------------------------------------------------------------ signer


@pytest.mark.attack("unforeseen errors", "contained")
async def test_a_request_to_the_signer_that_fails_is_answered(
    tmp_path: Path, caught: Caught, monkeypatch: pytest.MonkeyPatch, tries: Tries
) -> None:
    """Every kind of request, in its reader and after it: one line back, one line logged, the next one is served."""

    class Failing:
        def __getattr__(self, name: str) -> NoReturn:
            raising(fault)()

    path = tmp_path / "s"
    server = SignerServer(
        path, cast(Any, Failing()), cast(Any, Failing()), caught.errors.log, peer=None, open_caps=True
    )
    await server.start()
    try:
        for fault in FAULTS:
            for kind in Request.__args__:
                request = kind(*((cast(Any, {}),) * len(signature(kind).parameters)))
                server._open_caps = kind is SetCaps
                monkeypatch.setattr(socket_server, "parse", lambda _, request=request: request)
                await answered(path, fault, caught)
                tries.contained()
            if not isinstance(fault, ValueError):  # which the reader raises for a malformed request
                monkeypatch.setattr(socket_server, "parse", raising(fault))
                await answered(path, fault, caught)
    finally:
        await server.stop()


async def answered(path: Path, fault: Exception, caught: Caught) -> None:
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(json.dumps({"v": VERSION, "do": "hello"}).encode() + b"\n")
    answer = json.loads(await asyncio.wait_for(reader.readline(), 5))
    writer.close()
    assert (answer["ok"], names(answer["error"], fault)) == (False, True)
    logged = caught.lines("signer.internal_error")[-1]
    assert (logged["error"], ".py:" in logged["place"]) == (type(fault).__name__, True)


@pytest.mark.attack("unforeseen errors", "contained")
def test_a_signer_that_cannot_start_ends_with_4(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tries: Tries
) -> None:
    """`sentinel signer` under systemd: limits that cannot be derived, a key that cannot be opened."""
    monkeypatch.setattr(signer_process, "harden", lambda _: None)
    for place in ("own_limits", "open_key"):
        for fault in FAULTS:
            with monkeypatch.context() as patch:
                patch.setattr(signer_process, "own_limits", lambda *_, **__: (None, None))
                patch.setattr(signer_process, place, raising(fault))
                sets = [f"--set=wallet.dev_key_file={tmp_path}/key", f"--set=state_dir={tmp_path}/state"]
                patch.setattr("sys.argv", ["sentinel", "signer", *sets])
                assert main() == 4
            assert names(capsys.readouterr().err, fault)
            tries.contained()


@pytest.mark.attack("unforeseen errors", "contained")
@pytest.mark.parametrize("place", ["/proc/nope", "{tmp}/file", "{tmp}/file/below", "~nobody-of-this-name/state"])
@pytest.mark.parametrize("command", ["run", "signer"])
def test_a_state_directory_that_cannot_be_used_ends_with_4(
    command: str, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before anything is opened; the message names the setting or the folder."""
    monkeypatch.setattr(signer_process, "harden", lambda _: None)
    (tmp_path / "file").touch()
    (tmp_path / "key").write_text("5e" * 32)
    folder = place.format(tmp=tmp_path)
    sets = [f"--set=state_dir={folder}", f"--set=wallet.dev_key_file={tmp_path}/key"]
    caps = [f"--set=signer.{cap}=WETH=1,USDC=1" for cap in ("max_trade", "max_approval", "max_daily_volume")]
    sets += [*caps, "--set=signer.prices=WETH=2000"]
    monkeypatch.setattr("sys.argv", ["sentinel", command, *sets])
    assert main() == 4
    err = capsys.readouterr().err
    assert "SENTINEL_STATE_DIR" in err or folder in err


def test_systemd_does_not_restart_what_a_restart_cannot_mend() -> None:
    """The exit code of configuration faults is in both units."""
    units = Path(settings.__file__).parents[2] / "deploy" / "systemd"
    for name in ("sentinel.service", "sentinel-signer.service"):
        (line,) = (line for line in (units / name).read_text().splitlines() if line.startswith("RestartPrevent"))
        assert str(CONFIGURATION) in line.partition("=")[2].split()


# ------------------------------------------------------------ command line


def commands() -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command of the command line with what typer holds of it, groups included."""
    for command in app.registered_commands:
        yield ((command.name or cast(Any, command.callback).__name__),), command
    for group in app.registered_groups:
        for command in cast(Any, group.typer_instance).registered_commands:
            yield (cast(str, group.name), command.name or command.callback.__name__), command


@pytest.mark.attack("unforeseen errors", "contained")
def test_a_command_that_fails_says_what_happened(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tries: Tries
) -> None:
    """Every command: one line with the place, and exit code 1."""
    known = list(commands())
    assert len(known) >= 25
    for words, command in known:
        for fault in FAULTS[:2]:
            with monkeypatch.context() as patch:
                patch.setattr(command, "name", words[-1])
                patch.setattr(command, "callback", raising_without_arguments(fault))
                patch.setattr(command, "context_settings", {"ignore_unknown_options": True, "allow_extra_args": True})
                patch.setattr("sys.argv", ["sentinel", *words])
                assert main() == 1, words
            err = capsys.readouterr().err
            assert "sentinel: internal error: " in err
            assert names(err.splitlines()[-1], fault)
            tries.contained()


GIVEN = {  # what a command cannot go without
    "replay": ["1"],
    "decisions show": ["1"],
    "data get": ["--from", "1", "--to", "2", "--out", "prices.csv"],
    "wallet import": ["key"],
    "order set": ["Sell all of WETH."],
    "order approve": ["ab"],
    "order entry": ["WETH=2000", "--coins", "1"],
    "order preset": ["dca"],
    "signer order": ["show"],
}


@pytest.mark.attack("unforeseen errors", "contained")
def test_a_command_whose_settings_fail_ends_with_4(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tries: Tries
) -> None:
    """Every command that loads settings."""
    monkeypatch.setattr(signer_process, "harden", lambda _: None)
    loading = [words for words, command in commands() if "env_file" in signature(command.callback).parameters]
    assert len(loading) >= 18
    for words in loading:
        for fault in FAULTS[:3]:
            with monkeypatch.context() as patch:
                patch.setattr(settings, "given", raising(fault))
                arguments = GIVEN.get(" ".join(words), [])
                patch.setattr("sys.argv", ["sentinel", *words, *arguments])
                assert main() == 4, (words, capsys.readouterr().err)
            assert names(capsys.readouterr().err, fault), words
            tries.contained()
