"""Each guard of the signer taken out once: what it stopped then gets through, so the tests above can fail."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sentinel.core.errors import SignerRefused, SignerUnavailable
from sentinel.core.transaction import Fees
from sentinel.core.units import GWEI
from sentinel.observe.logs import logger
from sentinel.signing import signed_bytes
from sentinel.signing.process import local_signer
from sentinel.signing.process import signing_ledger as book_module
from sentinel.signing.process.daily_caps import DayCaps, SignedNonce, SignedToday
from sentinel.signing.process.keys import LocalKey
from sentinel.signing.process.signing_ledger import SigningLedger
from sentinel.signing.process.socket_server import SignerServer
from tests.signing.process.attacked import CAPS, CHAIN, Attack, Mutant, World
from tests.signing.process.trade_attacks import TRADE_GUARDS
from tests.signing.process.world import (
    ANSWERS,
    FEES,
    USDC,
    WETH,
    cancel,
    permit,
    trade,
)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World.start(tmp_path)
    yield world
    world.book.close()


async def steal(world: World) -> None:
    await world.signer.sign_transaction(CHAIN, 0, trade(1, recipient="0x" + "9" * 40), FEES, ANSWERS)


async def grant_a_stranger(world: World) -> None:
    typed = permit(1)
    typed["message"]["spender"] = "0x" + "9" * 40
    await world.signer.sign_permit(typed)


async def two_payloads(world: World) -> None:
    await world.signer.sign_transaction(CHAIN, 0, trade(1), FEES, ANSWERS)
    await world.signer.sign_transaction(CHAIN, 0, trade(2), FEES, ANSWERS)


async def two_payloads_over_a_restart(world: World) -> None:
    await world.signer.sign_transaction(CHAIN, 0, trade(1), FEES, ANSWERS)
    world.restart()
    await world.signer.sign_transaction(CHAIN, 0, trade(2), FEES, ANSWERS)


async def payload_after_a_cancel(world: World) -> None:
    await world.signer.sign_transaction(CHAIN, 0, cancel(), FEES)
    await world.signer.sign_transaction(CHAIN, 0, trade(2), FEES, ANSWERS)


async def too_much_a_day(world: World) -> None:
    await world.signer.sign_transaction(CHAIN, 0, trade(2000), FEES, ANSWERS)
    await world.signer.sign_transaction(CHAIN, 1, trade(1001), FEES, ANSWERS)


async def too_much_over_a_restart(world: World) -> None:
    await world.signer.sign_transaction(CHAIN, 0, trade(2000), FEES, ANSWERS)
    world.restart()
    await world.signer.sign_transaction(CHAIN, 1, trade(1001), FEES, ANSWERS)


async def burn_gas(world: World) -> None:
    for nonce in range(5):
        await world.signer.sign_transaction(CHAIN, nonce, trade(1, gas=400_000), Fees(150 * GWEI, GWEI), ANSWERS)


async def sign_on_and_on(world: World) -> None:
    for _ in range(6):
        await world.signer.sign_permit(permit(1))


async def raise_the_caps(world: World) -> None:
    server = SignerServer(world.folder / "s", world.signer, world.book, logger(), peer=None, open_caps=False)
    answer = await server._answer(
        b'{"v": 2, "do": "allow", "approvals": {}, "trades": {"%s": 1}, "daily": {}, "prices": {}}' % WETH.encode(),
        os.getuid(),
    )
    if answer.get("refused"):
        raise SignerRefused(answer["refused"], answer["error"])


class Liar(LocalKey):
    """Says that it is the wallet's key; signs with another."""

    __slots__ = ("claimed",)


async def sign_with_another_key(world: World) -> None:
    liar = Liar(b"\7" * 32)
    liar.address = world.signer.address
    world.signer._key = liar
    await world.signer.sign_transaction(CHAIN, 0, trade(1), FEES, ANSWERS)


def no_limits(patch: pytest.MonkeyPatch, _: World) -> None:
    patch.setattr(local_signer, "check_transaction", lambda *_: None)


def no_permit_check(patch: pytest.MonkeyPatch, _: World) -> None:
    patch.setattr(local_signer, "check_permit", lambda *_: None)


def nonces_are_forgotten(patch: pytest.MonkeyPatch, _: World) -> None:
    patch.setattr(SigningLedger, "_held", lambda self, nonce: None)


def any_payload(patch: pytest.MonkeyPatch, _: World) -> None:
    patch.setattr(book_module, "count", lambda asked, held, spent, caps: (SignedNonce(asked.payload, 0), spent))


def no_memory(patch: pytest.MonkeyPatch, _: World) -> None:
    def forget(self: SigningLedger, day: int) -> None:
        self._day, self._spent = day, SignedToday()

    patch.setattr(SigningLedger, "_begin", forget)


def no_cap(name: str) -> Mutant:
    def mutate(patch: pytest.MonkeyPatch, world: World) -> None:
        most = {"volume": {USDC.lower(): 10**30}, "gas": 10**30, "signatures": 10**9, "loss": 10**30}
        world.book.caps = DayCaps(**{**{n: getattr(CAPS, n) for n in most}, name: most[name]})

    return mutate


def caps_stay_open(patch: pytest.MonkeyPatch, _: World) -> None:
    allow = SignerServer._allow

    def opened(self: SignerServer, asked: Any) -> None:
        self._open_caps = True
        allow(self, asked)

    patch.setattr(SignerServer, "_allow", opened)


def answers_unchecked(patch: pytest.MonkeyPatch, world: World) -> None:
    patch.setattr(signed_bytes, "recover", lambda *_: world.signer.address)


GUARDS: dict[str, tuple[Attack, Mutant]] = {
    "the limits": (steal, no_limits),
    **TRADE_GUARDS,
    "the permit's limits": (grant_a_stranger, no_permit_check),
    "one payload a nonce": (two_payloads, any_payload),
    "a cancelled nonce is used up": (payload_after_a_cancel, nonces_are_forgotten),
    "nonces are durable": (two_payloads_over_a_restart, nonces_are_forgotten),
    "the day's volume": (too_much_a_day, no_cap("volume")),
    "the volume is durable": (too_much_over_a_restart, no_memory),
    "the day's gas": (burn_gas, no_cap("gas")),
    "the day's signatures": (sign_on_and_on, no_cap("signatures")),
    "caps are set once": (raise_the_caps, caps_stay_open),
    "answers are recovered": (sign_with_another_key, answers_unchecked),
}


@pytest.mark.parametrize("guard", GUARDS)
async def test_a_guard_that_is_taken_out_is_missed(guard: str, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the guard the attack is refused; without it, it gets through."""
    attack, mutant = GUARDS[guard]
    with pytest.raises((SignerRefused, SignerUnavailable)):
        await attack(world)
    fresh = World.start(world.folder / "mutant")
    try:
        mutant(monkeypatch, fresh)
        await attack(fresh)
    finally:
        fresh.book.close()


def test_a_bump_that_counts_twice_is_missed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other way round: were a raise counted anew, an honest bump of a large trade would be refused."""

    async def bumped() -> None:
        first = trade(2000)
        for fee in (50, 60):
            await world.signer.sign_transaction(CHAIN, 0, first, Fees(fee * GWEI, GWEI), ANSWERS)

    asyncio.run(bumped())
    world.restart()
    monkeypatch.setattr(SigningLedger, "_held", lambda self, nonce: None)
    with pytest.raises(SignerRefused):
        asyncio.run(bumped())
