"""Trades that the signer must not sign, and its guards against them taken out."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace

import pytest

from sentinel.core.simulation import TxRequest
from sentinel.signing.order_rules import OrderBounds, OrderTrades
from sentinel.signing.process import local_signer
from sentinel.signing.process.reference_prices import GivenPrices, PriceQuote
from sentinel.signing.process.signing_ledger import SigningLedger
from sentinel.signing.router_call import PoolKey, RouterTrade, _Reading
from sentinel.signing.trade_rules import unit_values
from tests.signing.calls import SENDER, V2, V3, hop, received, router_call
from tests.signing.process.attacked import CHAIN, Attack, Mutant, World
from tests.signing.process.world import ANSWERS, DOLLAR, FEES, GAS, NETWORK, USDC, WALLET, WETH, trade


async def trade_in_an_unlisted_pool(world: World) -> None:
    pool = (V3, hop(V3, SENDER, 1000 * DOLLAR, 10**18 // 2, (USDC, WETH), True).replace(b"\0\x0b\xb8", b"\0\x27\x10"))
    data = router_call(pool, received(WETH, 10**18 // 2, WALLET), deadline=int(time.time()) + 100)
    await world.signer.sign_transaction(CHAIN, 0, TxRequest(NETWORK.universal_router, data, 0, GAS), FEES, ANSWERS)


async def sell_for_nothing(world: World) -> None:
    await world.signer.sign_transaction(CHAIN, 0, trade(1000, least=1), FEES, ANSWERS)


async def sell_by_a_lie(world: World) -> None:
    dear = {WETH.lower(): 10**6 * ANSWERS[WETH.lower()]}
    await world.signer.sign_transaction(CHAIN, 0, trade(1000, least=10**18 // 2 // 10**6), FEES, dear)


async def sell_without_a_check(world: World) -> None:
    given = hop(V2, SENDER, 1000 * DOLLAR, 10**18 // 2, (USDC, WETH), True)
    data = router_call((V2, given), deadline=int(time.time()) + 100)
    await world.signer.sign_transaction(CHAIN, 0, TxRequest(NETWORK.universal_router, data, 0, GAS), FEES, ANSWERS)


class Holder:
    """Reference prices of a signer that has read that the wallet holds something of the bought token."""

    reads_balances = True

    def anchor(self, prices: Mapping[str, int]) -> None:
        pass

    async def read(
        self, trade: RouterTrade, own: str, given: Mapping[str, int], *, quote_balance: bool = False
    ) -> PriceQuote:
        return PriceQuote(unit_values(ANSWERS, NETWORK), held=1)


async def sell_by_an_old_balance(world: World) -> None:
    world.signer._prices = Holder()
    await world.signer.sign_transaction(CHAIN, 0, trade(1000), FEES, ANSWERS)


async def lose_bit_by_bit(world: World) -> None:
    """Each trade may lose 2 %: 60 of 3,000 USDC in all, of which the cap allows 50."""
    world.book.caps = replace(world.book.caps, loss=50 * DOLLAR)
    for nonce in range(3):
        await world.signer.sign_transaction(CHAIN, nonce, trade(1000, least=10**18 // 2 * 98 // 100), FEES, ANSWERS)


async def trade_outside_the_order(world: World) -> None:
    world.signer.order = OrderBounds.of("Buy 500 USDC worth of WETH.", NETWORK)
    await world.signer.sign_transaction(CHAIN, 0, trade(1000), FEES, ANSWERS)


async def trade_too_soon_over_a_restart(world: World) -> None:
    order = OrderBounds.of("Buy 500 USDC worth of WETH, every 1 hour.", NETWORK)
    for nonce in range(2):
        world.signer.order = order
        await world.signer.sign_transaction(CHAIN, nonce, trade(500), FEES, ANSWERS)
        world.restart()


async def buy_too_much_a_day(world: World) -> None:
    world.signer.order = OrderBounds.of("Buy WETH with all of the USDC. Buy at most 1,999 USDC a day.", NETWORK)
    for nonce in range(2):
        await world.signer.sign_transaction(CHAIN, nonce, trade(1000), FEES, ANSWERS)


def any_pool(patch: pytest.MonkeyPatch, world: World) -> None:
    class Every(dict[PoolKey, int]):
        def __contains__(self, _: object) -> bool:
            return True

        def __missing__(self, _: PoolKey) -> int:
            return 3000

    world.signer._limits = replace(world.signer._limits, pools=Every())


def any_price(patch: pytest.MonkeyPatch, _: World) -> None:
    patch.setattr(local_signer, "check_price", lambda *_: 0)


def no_anchors(patch: pytest.MonkeyPatch, world: World) -> None:
    world.signer._prices = GivenPrices(NETWORK, world.book, 10**20, ANSWERS)


def no_receipt_check(patch: pytest.MonkeyPatch, _: World) -> None:
    def unchecked(reading: _Reading, deadline: int, value: int) -> RouterTrade:
        reading.min_balance = 0
        return trade_of(reading, deadline, value)

    trade_of = _Reading.trade
    patch.setattr(_Reading, "trade", unchecked)


def any_order(patch: pytest.MonkeyPatch, _: World) -> None:
    patch.setattr(local_signer, "check_order", lambda *_: None)


def orders_trades_are_forgotten(patch: pytest.MonkeyPatch, _: World) -> None:
    patch.setattr(SigningLedger, "order_trades", lambda *_: OrderTrades())


def any_balance(patch: pytest.MonkeyPatch, _: World) -> None:
    patch.setattr(local_signer, "check_balance", lambda *_: None)


TRADE_GUARDS: dict[str, tuple[Attack, Mutant]] = {
    "the pools": (trade_in_an_unlisted_pool, any_pool),
    "the minimum output": (sell_for_nothing, any_price),
    "given prices near an anchor": (sell_by_a_lie, no_anchors),
    "the receipt check": (sell_without_a_check, no_receipt_check),
    "the balance that it binds": (sell_by_an_old_balance, any_balance),
    "the order": (trade_outside_the_order, any_order),
    "the time between an order's trades": (trade_too_soon_over_a_restart, orders_trades_are_forgotten),
    "what an order buys in a day": (buy_too_much_a_day, orders_trades_are_forgotten),
    "the day's loss": (lose_bit_by_bit, lambda patch, _: patch.setattr(local_signer, "check_price", lambda *_: 1)),
}
