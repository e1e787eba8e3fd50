"""I20, I29: text of an order that tries to say more than an order can is refused, and nothing changes.

By every way in: the environment, a file, a reload and the control socket.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from sentinel.config import settings as settings_module
from sentinel.config.settings import load
from sentinel.core.errors import NotRunning, OperatorError, SettingsError
from sentinel.daemon.approved_order import approved_order, read_order
from sentinel.daemon.operator.control import MAX_LINE, ControlServer, ask
from sentinel.journal.journal import Journal
from sentinel.orders.playing.envelope import order_hash
from tests.attack.edges import listening
from tests.attack.order_daemon import EARLIER, Daemon
from tests.attack.order_texts import GOOD, HOSTILE
from tests.attack_tally import Tries
from tests.decide import fair_market
from tests.decide.fair_market import NETWORK, STATE

attack = pytest.mark.attack("order text", "refused")


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    journal = Journal.open(tmp_path / "journal", NETWORK, "0x00", fair_market.WALLET)
    yield journal
    journal.close()


@pytest.fixture
def daemon(tmp_path: Path, journal: Journal, monkeypatch: pytest.MonkeyPatch) -> Daemon:
    for name in settings_module.names():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return Daemon(tmp_path, journal, listening(), load(None))


def reason(error: Exception) -> str:
    """Of a refusal: one that can be printed on a terminal, and that says something."""
    lines = str(error).splitlines()
    assert lines
    assert all(line.isprintable() for line in lines), lines
    assert max(map(len, lines)) < 6_000
    return lines[0]


@attack
def test_hostile_text_in_the_settings_starts_nothing(
    daemon: Daemon, tries: Tries, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the environment and by a file: an error of the settings, at the load or before the daemon is built."""
    file = daemon.folder / "order.txt"
    for text in HOSTILE:
        for name, value in (("SENTINEL_STRATEGY__ORDER", text), ("SENTINEL_STRATEGY__ORDER_FILE", str(file))):
            file.write_text(text, encoding="utf-8")
            with monkeypatch.context() as patch:
                patch.setenv(name, value)
                with pytest.raises(SettingsError) as refused:
                    approved_order(load(None), NETWORK, daemon.journal, cast(Any, None))
                assert "ORDER" in reason(refused.value), text
            daemon.require_unchanged()
            tries.refused()


@attack
def test_a_file_that_is_no_text_starts_nothing(daemon: Daemon, tries: Tries, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes that are no UTF-8, NULs, a megabyte, a folder, a device that never ends."""
    file = daemon.folder / "order.bin"
    monkeypatch.setenv("SENTINEL_STRATEGY__ORDER_FILE", str(file))
    for raw in (
        b"\xff\xfe" + GOOD.encode("utf-16-le"),
        GOOD.encode() + b"\x00",
        b"\xed\xa0\x80",
        b"a" * 10**6,
        b"",
        b" \n",
    ):
        file.write_bytes(raw)
        with pytest.raises(SettingsError) as refused:
            approved_order(load(None), NETWORK, daemon.journal, cast(Any, None))
        assert "ORDER" in reason(refused.value), raw[:40]
        daemon.require_unchanged()
        tries.refused()
    for path in (str(daemon.folder), "/dev/zero", str(daemon.folder / "absent")):
        monkeypatch.setenv("SENTINEL_STRATEGY__ORDER_FILE", path)
        with pytest.raises(SettingsError):
            approved_order(load(None), NETWORK, daemon.journal, cast(Any, None))
        daemon.require_unchanged()
        tries.refused()


@attack
def test_a_reload_with_hostile_text_is_refused(daemon: Daemon, tries: Tries, monkeypatch: pytest.MonkeyPatch) -> None:
    """The order in force stays, with the settings in force."""
    for text in HOSTILE:
        with monkeypatch.context() as patch:
            patch.setenv("SENTINEL_STRATEGY__ORDER", text)
            with pytest.raises(SettingsError) as refused:
                daemon.reloader.ask("operator")
        assert reason(refused.value)
        daemon.require_unchanged()
        tries.refused()


@attack
async def test_the_control_socket_refuses_hostile_text(daemon: Daemon, tries: Tries) -> None:
    """Whatever hash comes with it. A text beyond a line's limit is not even answered."""
    server = ControlServer(daemon.folder, daemon.operator, daemon.caught.errors)
    await server.start()

    async def refused(**fields: Any) -> None:
        with pytest.raises((OperatorError, NotRunning)) as answer:
            await asyncio.to_thread(ask, daemon.folder, "approve_order", **fields)
        assert reason(answer.value)
        daemon.require_unchanged()
        tries.refused()

    try:
        for text in (*HOSTILE, "", f"{GOOD}\ud800"):
            await refused(reading=text, hash=order_hash(read_order(GOOD, NETWORK)))
        for other in ({"text": GOOD}, [GOOD], None, 7, True, json.dumps(GOOD)):
            await refused(reading=other, hash="")
        for digest in ("", "0" * 64, order_hash(read_order(EARLIER, NETWORK)), None, [1]):
            await refused(reading=GOOD, hash=digest)
        await refused(reading=GOOD + " " * MAX_LINE, hash="")
        assert daemon.caught.count("control") == 0  # none was an error that nothing expects
        assert not daemon.caught.lines("order.approved")
    finally:
        await server.stop()


@attack
@pytest.mark.parametrize("name", ["order", "order_hash"])
async def test_a_command_never_replaces_what_the_settings_fix(
    daemon: Daemon, name: str, tries: Tries, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An order of the settings, or its hash: neither another order nor a cancellation, and nothing is journaled."""
    fixed = {"order": EARLIER, "order_hash": order_hash(read_order(EARLIER, NETWORK))}[name]
    monkeypatch.setenv(f"SENTINEL_STRATEGY__{name.upper()}", fixed)
    cast(Any, daemon.operator.parts).settings = load(None)
    with pytest.raises(OperatorError, match="SENTINEL_STRATEGY__ORDER"):
        daemon.operator.approve_order(GOOD, order_hash(read_order(GOOD, NETWORK)))
    daemon.require_unchanged()
    with pytest.raises(OperatorError, match="SENTINEL_STRATEGY__ORDER"):
        daemon.operator.cancel_order("enough")
    daemon.require_unchanged()
    tries.refused(2)


@pytest.mark.parametrize("command", ["cancel", "replace"])
def test_an_order_that_a_command_ended_is_not_set_again(daemon: Daemon, command: str) -> None:
    """The cycle under way still has it, and plays it on its block: it holds, and the journal keeps what was said."""
    standing = daemon.operator.parts.force.value.order
    assert standing is not None
    if command == "cancel":
        daemon.operator.cancel_order("enough")
    else:
        daemon.operator.approve_order(GOOD, order_hash(read_order(GOOD, NETWORK)))
    records = daemon.journal.verify()
    played = standing.play(STATE)
    assert (played.trade, played.why) == (None, "the order was cancelled or replaced")
    assert daemon.journal.verify() == records
    current = daemon.journal.orders.current()
    assert (None if current is None else current.reading) == (None if command == "cancel" else GOOD)
