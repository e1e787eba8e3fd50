"""A daemon in somebody else's hands against the operator's order, which its signer, a real process, got without it."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from sentinel.core.errors import SignerRefused, SignerUnavailable
from sentinel.core.simulation import TxRequest
from sentinel.signing.client import ask, ask_enforced, ask_greeting, send_caps
from sentinel.signing.order_rules import OrderBounds
from sentinel.signing.process.order_file import write_order
from tests.attack_tally import Tries
from tests.signing.calls import ITSELF, SENDER, V2, V3, hop, received, router_call
from tests.signing.process.world import (
    ANSWERS,
    CHAIN,
    DOLLAR,
    FEES,
    GAS,
    NETWORK,
    USDC,
    WALLET,
    WETH,
    cancel,
    running,
    trade,
)

pytestmark = pytest.mark.attack("order", "refused")

WBTC = NETWORK.tokens["WBTC"].address
ORDER = "Buy 100 USDC worth of WETH, every 1 hour. Buy at most 300 USDC a day."
COIN = 10**18


def call(*commands: tuple[int, bytes], bought: str, least: int) -> TxRequest:
    data = router_call(*commands, received(bought, least, WALLET), deadline=int(time.time()) + 100)
    return TxRequest(NETWORK.universal_router, data, 0, GAS)


def swapped(sold: str, amount: int, bought: str, least: int, kind: int = V2) -> TxRequest:
    return call((kind, hop(kind, SENDER, amount, least, (sold, bought), True)), bought=bought, least=least)


def circle() -> TxRequest:
    """100 USDC to WETH and back, which no cap and no price forbids."""
    there = (V2, hop(V2, ITSELF, 100 * DOLLAR, 0, (USDC, WETH), True))
    back = (V3, hop(V3, SENDER, 1 << 255, 100 * DOLLAR, (WETH, USDC), False))
    return call(there, back, bought=USDC, least=100 * DOLLAR)


def split() -> TxRequest:
    """Two routes of 60 USDC: neither is too large alone."""
    least = 60 * COIN // 2000
    half = (V2, hop(V2, SENDER, 60 * DOLLAR, least, (USDC, WETH), True))
    other = (V3, hop(V3, SENDER, 60 * DOLLAR, least, (USDC, WETH), True))
    return call(half, other, bought=WETH, least=2 * least)


OUTSIDE = {
    "the other side": lambda: swapped(WETH, COIN // 20, USDC, 100 * DOLLAR),
    "another coin": lambda: swapped(USDC, 60 * DOLLAR, WBTC, 10**5, V3),
    "another coin sold": lambda: swapped(WBTC, 10**5, WETH, 3 * COIN // 100, V3),
    "a circle": circle,
    "too large": lambda: trade(103),
    "too large in two routes": split,
}


async def rule(client: Any, nonce: int, tx: TxRequest, tries: Tries, prices: dict[str, int]) -> str | None:
    try:
        await client.sign_transaction(CHAIN, nonce, tx, FEES, prices)
    except SignerRefused as error:
        tries.refused()
        return error.rule
    return None


async def test_nothing_outside_the_order_is_signed(tmp_path: Path, tries: Tries) -> None:
    """Other sides, other coins, larger ones, sooner ones: within every other limit, and refused. Prices that are lied
    about, restarts and higher caps do not help; the order that it did not get through the daemon stays as it is."""
    place = tmp_path / "state" / "signer"
    place.mkdir(parents=True)
    write_order(place, ORDER)
    prices = {**ANSWERS, WBTC.lower(): 60_000 * 10**8}
    anchors = {"signer": {"max_price_move_bps": 9000}}
    for life in range(2):
        async with running(tmp_path, caps=False, **anchors) as keeper:
            client = keeper.client
            caps = {token.lower(): 10**30 for token in (USDC, WETH, WBTC)}
            await send_caps(client.path, caps, caps, caps, prices)
            for name, made in OUTSIDE.items():
                expected = "order_size" if name.startswith("too large") else "order"
                assert await rule(client, 9, made(), tries, prices) == expected, name
            cheap = {token: price // 2 for token, price in prices.items()}
            assert await rule(client, 9, trade(103, least=COIN), tries, cheap) == "order_size"
            if not life:
                assert await rule(client, 0, trade(100), tries, prices) is None
                await client.sign_transaction(CHAIN, 0, cancel(), FEES)  # perhaps it will never be sent
            for nonce in (0, 1):
                assert await rule(client, nonce, trade(99), tries, prices) in ("nonce", "order_gap")
            for words in (
                {"do": "order", "order": None},
                {"do": "show", "reload": True},
                {"do": "hello", "order": None},
            ):
                request = str(words.pop("do"))
                with pytest.raises(SignerUnavailable):
                    await ask(client.path, request, **words)
                tries.refused()
            assert (await ask_greeting(client.path)).order == OrderBounds.of(ORDER, NETWORK).hash
            assert (await ask_enforced(client.path))["today"]["order_bought"] == 100 * DOLLAR


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
async def test_another_user_cannot_write_the_order(tmp_path: Path, tries: Tries) -> None:
    """A file that belongs to the daemon's user ends the signer's start, and is not read on SIGHUP."""
    place = tmp_path / "state" / "signer"
    place.mkdir(parents=True)
    path = write_order(place, "Sell all of WETH.")
    os.chown(path, 65534, 65534)
    with pytest.raises(Exception, match="may be written by another user"):
        async with running(tmp_path):
            pass
    tries.refused()
