"""A private relay alone is given our transactions; what it says of them is shown and believed by nobody."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import web

from lab.faults import SEND, CutRequest, FaultProxy, RpcErrorReply, SwallowedSend
from sentinel.chain.rpc import Rpc
from sentinel.config.settings import load
from sentinel.core.errors import SettingsError
from sentinel.core.transaction import Outcome
from sentinel.execute.broadcast import Broadcaster
from sentinel.execute.reconcile import reconcile
from sentinel.execute.relay import Relay
from tests.execute.rig import Rig, until


@dataclass
class StatusApi:
    """Speaks Flashbots Protect's status API as it is documented; a real relay cannot be reached from a test."""

    answers: list[str] = field(default_factory=lambda: ['{"status": "PENDING", "hash": "0x", "maxBlockNumber": 9}'])
    url: str = ""
    asked: list[str] = field(default_factory=list)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[StatusApi]:
        app = web.Application()
        app.router.add_get("/tx/{hash}", self._answer)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}/tx/"
        try:
            yield self
        finally:
            await runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        self.asked.append(request.match_info["hash"])
        return web.Response(text=self.answers.pop(0) if len(self.answers) > 1 else self.answers[0])


@dataclass
class Private:
    """A chain whose public endpoint and relay are two doors of one node, each with its faults."""

    rig: Rig
    public: FaultProxy
    relay: FaultProxy
    told: list[tuple[str, str]] = field(default_factory=list)

    @contextlib.asynccontextmanager
    async def relayed(self, status_url: str = "") -> AsyncIterator[None]:
        """A start of the daemon with the relay in its settings."""
        told = lambda tx_hash, status: self.told.append((tx_hash, status))  # noqa: E731
        async with Relay(self.relay.url, status_url, told, timeout=1.0, poll_seconds=0.02) as relay:
            self.rig.broadcast = Broadcaster(self.rig.rpc, relay, timeout=1.0)
            self.rig.restart()
            yield

    def without(self) -> None:
        """A start of the daemon without it."""
        self.rig.broadcast = None
        self.rig.restart()


@pytest.fixture
async def private(tmp_path: Path) -> AsyncIterator[Private]:
    async with (
        Rig.start(tmp_path) as rig,
        FaultProxy(rig.net.rpc_url) as public,
        FaultProxy(rig.net.rpc_url) as relay,
        Rpc(public.url) as rpc,
    ):
        rig.rpc = rpc
        yield Private(rig, public, relay)


async def test_only_the_relay_sees_a_trade(private: Private) -> None:
    """Sends, sends again and replacements go there; reads do not; the public endpoint never gets bytes."""
    rig = private.rig
    async with private.relayed():
        private.relay.add(SEND, CutRequest(), times=1)
        intent = await rig.trade(1)
        assert rig.notes.answers == ["unknown"]
        for _ in range(3):  # three blocks without inclusion: raised
            await rig.executor.on_head(await rig.mine())
        assert (await rig.follow()).outcome is Outcome.CONFIRMED
    attempts = rig.journal.attempts(intent.id)
    assert len(attempts) == 2
    assert {attempt.way for attempt in attempts} == {private.relay.url}
    assert (len(private.relay.offered), private.public.offered) == (2, [])
    assert private.relay.calls.keys() == {SEND}
    assert await rig.effects(1) == 1


async def test_a_relay_that_is_down_makes_no_trade_public(private: Private) -> None:
    """Until its deadline the same bytes go to the relay again; after it the cancel goes there too."""
    rig = private.rig
    async with private.relayed():
        private.relay.add(SEND, RpcErrorReply(-32000, "internal error"), times=3)
        await rig.trade(1, deadline_in=30)
        await rig.jump(61)
        await rig.executor.on_head(await rig.mine())
        assert (await rig.follow()).outcome is Outcome.CANCELLED
    assert private.public.offered == []
    assert await rig.effects(1) == 0


async def test_a_restart_without_the_relay_holds_what_it_was_given(private: Private) -> None:
    """Nothing of that intent is shown to everybody: an alarm each block, until the relay is back in the settings."""
    rig = private.rig
    async with private.relayed():
        private.relay.add(SEND, CutRequest(), times=1)
        intent = await rig.trade(1)
    private.without()
    assert await reconcile(rig.executor, await rig.mine()) is None
    assert await rig.executor.on_head(await rig.mine(4)) is None
    assert rig.notes.answers == ["held", "held"]
    assert rig.notes.alarms == ["held", "held"]
    assert private.public.offered == []
    assert len(rig.journal.attempts(intent.id)) == 1  # and it is not raised for having waited here
    async with private.relayed():
        await reconcile(rig.executor, await rig.head())
        assert (await rig.follow()).outcome is Outcome.CONFIRMED
    assert private.public.offered == []
    assert await rig.effects(1) == 1


async def test_a_restart_with_a_relay_ends_public_what_began_public(private: Private) -> None:
    """The endpoint is never switched while a transaction is pending; the next intent goes by the relay."""
    rig = private.rig
    private.without()
    private.public.add(SEND, CutRequest(), times=1)
    intent = await rig.trade(1)
    async with private.relayed():
        private.public.add(SEND, SwallowedSend(), times=1)
        await reconcile(rig.executor, await rig.mine())
        assert (await rig.follow()).outcome is Outcome.CONFIRMED  # after a replacement, which is public too
        assert [attempt.way for attempt in rig.journal.attempts(intent.id)] == ["public", "public"]
        assert (len(private.public.offered), private.relay.offered) == (3, [])
        await rig.trade(2)
        assert (await rig.follow()).outcome is Outcome.CONFIRMED
    assert (len(private.public.offered), len(private.relay.offered)) == (3, 1)
    assert (await rig.effects(1), await rig.effects(2)) == (1, 1)


async def test_its_status_is_told_and_decides_nothing(private: Private) -> None:
    """FAILED and nonsense change no outcome; each new word is told once, and an ended status is not asked again."""
    rig = private.rig
    answers = [
        '{"status": "PENDING"}',
        '{"status": "PENDING"}',
        "<html>",
        '{"status": "OWNED"}',
        '{"status": "FAILED"}',
    ]
    async with StatusApi(answers).running() as api, private.relayed(api.url):
        intent = await rig.trade(1)
        (attempt,) = rig.journal.attempts(intent.id)
        await until(lambda: private.told[-1:] == [(attempt.tx_hash, "failed")])
        assert rig.executor.open_intent == intent
        assert (await rig.follow()).outcome is Outcome.CONFIRMED
        assert len(api.asked) == 5
    assert [status for _, status in private.told] == ["pending", "malformed", "failed"]
    assert set(api.asked) == {attempt.tx_hash}


async def test_a_status_api_that_is_down_changes_nothing(private: Private) -> None:
    """It is said to be unreachable, once."""
    rig = private.rig
    async with private.relayed("http://127.0.0.1:9/tx"):
        await rig.trade(1)
        await until(lambda: len(private.told) == 1)
        assert (await rig.follow()).outcome is Outcome.CONFIRMED
    assert [status for _, status in private.told] == ["unreachable"]


def test_the_settings_of_a_relay(monkeypatch: pytest.MonkeyPatch) -> None:
    """A relay needs a tip, and a status address needs a relay; several endpoints are a list with commas."""
    with pytest.raises(SettingsError, match="priority fee"):
        load(None, rpc={"relay_url": "https://relay.example"}, execution={"min_priority_fee_gwei": 0})
    with pytest.raises(SettingsError, match="needs relay_url"):
        load(None, rpc={"relay_status_url": "https://relay.example/tx/"})
    monkeypatch.setenv("SENTINEL_RPC__URLS", "https://a.example, https://b.example")
    assert load(None).rpc.endpoints == ("https://a.example", "https://b.example")
    monkeypatch.setenv("SENTINEL_RPC__URL", "https://b.example")
    assert load(None).rpc.endpoints == ("https://b.example", "https://a.example")
    monkeypatch.setenv("SENTINEL_RPC__WS_URLS", "wss://a.example")
    assert load(None).rpc.ws_endpoints == ("wss://a.example",)
