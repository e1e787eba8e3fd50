"""An exception that nothing expects, at every edge of the running daemon: it becomes an answer with its place.

Each edge is taken from the table that the program itself uses, so a new operation, page or check is tested
without a change here.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn, cast

import aiohttp
import pytest

from sentinel.config import reloadable, settings
from sentinel.config.terms import Terms
from sentinel.core.errors import OperatorError
from sentinel.daemon.doctor import doctor
from sentinel.daemon.doctor.findings import Finding
from sentinel.daemon.latest import Latest
from sentinel.daemon.lifecycle import Lifecycle
from sentinel.daemon.loop import Loop
from sentinel.daemon.operator import control
from sentinel.daemon.operator.control import OPERATIONS, ControlServer, Operations
from sentinel.daemon.operator.reload import Reloader
from sentinel.observe.health import Health
from sentinel.observe.metrics import EDGES
from sentinel.observe.status_board import Board
from sentinel.observe.web.pages import Pages
from sentinel.observe.web.web_server import WebServer
from tests.attack.edges import FAULTS, Caught, listening, names, raising
from tests.attack_tally import Tries
from tests.daemon import values
from tests.observe import journaled


@pytest.fixture
def caught() -> Caught:
    return listening()


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in settings.names():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


# ------------------------------------------------------------ control socket


def test_every_operation_of_the_daemon_is_in_the_table() -> None:
    """The table is what the socket serves, and what the next test walks."""
    assert set(OPERATIONS) == {name for name in vars(Operations) if not name.startswith("_")}


@pytest.mark.attack("unforeseen errors", "contained")
async def test_an_operation_that_fails_is_answered(tmp_path: Path, caught: Caught, tries: Tries) -> None:
    """Over the real socket: the client is told what and where, it is logged and counted, and the server lives."""
    fault: Exception = FAULTS[0]

    class Failing:
        def __getattr__(self, name: str) -> Callable[..., NoReturn]:
            return raising(fault)

    server = ControlServer(tmp_path, cast(Operations, Failing()), caught.errors)
    await server.start()
    try:
        for fault in FAULTS:
            for operation in OPERATIONS:
                before = caught.count("control")
                with pytest.raises(OperatorError) as told:
                    await asyncio.to_thread(control.ask, tmp_path, operation)
                assert names(str(told.value), fault), operation
                assert caught.count("control") == before + 1
                assert names(caught.lines("internal.error")[-1]["error"], fault)
                tries.contained()
    finally:
        await server.stop()


@pytest.mark.parametrize("answer", [b"\n", b"[]\n", b"nonsense\n", b"\xff\n", b'{"ok": 1}\n', b"[" * 60_000 + b"\n"])
async def test_an_answer_that_is_not_understood_is_an_error(tmp_path: Path, answer: bytes) -> None:
    """Whatever listens at the socket: the command line ends with exit code 4, not with a traceback."""

    async def reply(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(answer)
        writer.close()

    server = await asyncio.start_unix_server(reply, tmp_path / control.NAME)
    async with server:
        with pytest.raises(OperatorError):
            await asyncio.to_thread(control.ask, tmp_path, "status")


# ------------------------------------------------------------ reload


@dataclasses.dataclass
class Reload:
    """A reloader whose inner calls can be replaced; `ok` loads the settings that are in force."""

    reloader: Reloader
    parts: Any

    @classmethod
    def of(cls, caught: Caught) -> Reload:
        terms = Terms.of(settings.load(None), values.NETWORK)
        trader = SimpleNamespace(source="oracle")
        force = SimpleNamespace(terms=terms, trader=trader, thought="none")
        parts = SimpleNamespace(
            settings=terms.settings,
            force=Latest(force),
            trader=trader,
            journal=SimpleNamespace(configured=lambda **_: None),
            metrics=caught.metrics,
            build=lambda _: force,
        )
        return cls(
            Reloader(
                cast(Any, parts), lambda: terms.settings, lambda _: cast(Any, None), caught.errors.log, caught.errors
            ),
            parts,
        )


@pytest.mark.attack("unforeseen errors", "contained")
@pytest.mark.parametrize("place", ["load", "check", "terms", "runner"])
def test_a_reload_that_fails_is_refused(
    place: str, caught: Caught, monkeypatch: pytest.MonkeyPatch, tries: Tries
) -> None:
    """By socket and by SIGHUP, wherever it fails: the settings in force stay, and the refusal is counted."""
    for fault in FAULTS:
        with monkeypatch.context() as patch:
            reload = Reload.of(caught)
            match place:
                case "load":
                    reload.reloader.load = raising(fault)
                case "check":
                    patch.setattr(reloadable, "changes", raising(fault))
                case "terms":
                    reload.parts.build = raising(fault)
                case "runner":
                    reload.reloader.build = raising(fault)
            before = caught.refused()
            with pytest.raises(OperatorError) as told:
                reload.reloader.ask("operator")
            reload.reloader.hang_up()
        assert names(str(told.value), fault)
        assert caught.refused() == before + 2
        assert names(caught.lines("config.refused")[-1]["error"], fault)
        assert reload.reloader._next is None
        assert reload.reloader.ask("operator") == {} if place == "check" else True
        tries.contained(2)


# ------------------------------------------------------------ pages


@pytest.mark.attack("unforeseen errors", "contained")
async def test_a_page_that_fails_is_answered(caught: Caught, tries: Tries) -> None:
    """Every route: status 500 with what happened, logged and counted, and the next request is served."""
    fault: Exception = FAULTS[0]

    class Failing:
        def __getattr__(self, name: str) -> Callable[..., NoReturn]:
            return raising(fault)

        async def close(self) -> None:
            """At the server's stop."""

    board = Board(values.NETWORK)
    server = WebServer(
        "127.0.0.1",
        0,
        board=board,
        metrics=caught.metrics,
        health=cast(Health, Failing()),
        status=lambda: raising(fault)(),
        pages=cast(Pages, Failing()),
        errors=caught.errors,
        refresh=lambda: raising(fault)(),
    )
    await server.start()
    try:
        assert server._runner is not None
        harmless = {"/events", "/static/{name}"}  # nothing of theirs can fail
        paths = {str(resource.canonical) for resource in server._runner.app.router.resources()} - harmless
        assert len(paths) >= 8
        paths = {path.replace("{seq}", "1").replace("{name}", "hours") for path in paths}
        async with aiohttp.ClientSession() as session:
            for fault in FAULTS:
                for path in paths:
                    before = caught.count("web")
                    async with session.get(f"{board.web}{path}") as reply:
                        assert (reply.status, names(await reply.text(), fault)) == (500, True), path
                    assert caught.count("web") == before + 1
                    assert caught.lines("internal.error")[-1]["path"] == path
                    tries.contained()
            async with session.get(f"{board.web}/nowhere") as reply:
                assert reply.status == 404
    finally:
        await server.stop()


@pytest.mark.parametrize("host", ["nonsense.invalid", "a" * 70, "\0", "256.1.1.1"])
async def test_a_host_that_is_none_is_the_operators_error(host: str, caught: Caught, tmp_path: Path) -> None:
    """Exit code 4: no restart would help."""
    server = WebServer(
        host, 0, board=Board(values.NETWORK), metrics=caught.metrics, health=Health(max_head_age=1), status=dict,
        pages=journaled.pages(tmp_path / "none"), errors=caught.errors,
    )  # fmt: skip
    with pytest.raises(OperatorError, match="cannot listen"):
        await server.start()


# ------------------------------------------------------------ doctor


@pytest.mark.attack("unforeseen errors", "contained")
async def test_a_check_of_doctor_that_fails_is_a_finding(monkeypatch: pytest.MonkeyPatch, tries: Tries) -> None:
    """Every check, that of the key included: the others are run all the same."""

    def failing(fault: Exception) -> Callable[[object], AsyncIterator[Finding]]:
        async def run(_: object) -> AsyncIterator[Finding]:
            raising(fault)()
            yield

        return run

    for fault in FAULTS:
        monkeypatch.setattr(doctor, "key", raising(fault))
        checks = tuple(dataclasses.replace(check, run=failing(fault)) for check in doctor.CHECKS)
        with monkeypatch.context() as patch:
            patch.setattr(doctor, "CHECKS", checks)
            findings = await doctor.examine(settings.load(None))
        failed = [finding for finding in findings if finding.grade == "fail"]
        assert [finding.name for finding in failed] == ["key", *(check.name for check in doctor.CHECKS)]
        assert all(names(finding.what, fault) and finding.hint for finding in failed), failed
        tries.contained(len(failed))


# ------------------------------------------------------------ probes


@pytest.mark.attack("unforeseen errors", "contained")
async def test_a_probe_that_fails_is_a_part_that_is_absent(caught: Caught, tries: Tries) -> None:
    """The part is not ready, with the reason, and is probed again."""
    for fault in FAULTS:
        probed: asyncio.Queue[tuple[str, bool, str]] = asyncio.Queue()
        telling = cast(Any, SimpleNamespace(probed=lambda *report, probed=probed: probed.put_nowait(report)))
        probes = {"part": raising(fault)}
        unused = cast(Any, None)
        loop = Loop(
            Lifecycle(), unused, Latest(), unused, unused, telling, caught.errors, cast(Any, probes), probe_every=0.0
        )
        before = caught.count("probe")
        task = asyncio.create_task(loop._probe("part"))
        for _ in range(2):
            name, ok, why = await asyncio.wait_for(probed.get(), 5)
            assert (name, ok, names(why, fault)) == ("part", False, True)
        task.cancel()
        assert caught.count("probe") >= before + 2
        tries.contained()


def test_the_edges_that_are_counted_are_the_ones_that_report() -> None:
    """Each label of the metric is used in the code, and no other."""
    root = Path(settings.__file__).parents[1]
    text = "\n".join(path.read_text() for path in root.rglob("*.py"))
    used = {edge for edge in EDGES if f'.report("{edge}", ' in text}
    assert used == set(EDGES)
    assert text.count('rrors.report("') == len(EDGES)
