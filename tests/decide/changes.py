"""Trades that policy lets through, each with one thing changed."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from sentinel.core.actions import Leg, Route, Swap
from sentinel.core.market_state import V2State
from sentinel.orders.playing.player import Play
from sentinel.orders.playing.trades import Side, Trade
from tests.decide.fair_market import ALL, DEADLINE, MSG_SENDER, NOW, ROUTER, STATE, USD
from tests.decide.plain_calldata import WRAP, command, commands_of, ending, execute, leg, receipt_check, transfer
from tests.decide.world import FAIR, PAID, World, buying, hopping, only_unwrapping, only_wrapping, wrapping


def permitted(**changes: object) -> World:
    """The plain purchase with another permit."""
    world = buying()
    return world.but(data=execute(commands_of(world.swap, **changes)))


def one_command(recipient: str = MSG_SENDER, pool: str = "WETH/USDC-v2", **changes: int) -> World:
    """The plain purchase with one thing in its only swap command changed."""
    world = buying()
    meant = leg(pool, "USDC", "WETH")
    said = {"amount_in": PAID, "min_out": world.swap.min_out, "payer_is_user": True} | changes
    swap = command(meant, recipient, said["amount_in"], said["min_out"], bool(said["payer_is_user"]))
    return world.but(data=execute([commands_of(world.swap)[0], swap, *ending(world.swap)]))


def two_commands(recipient: str = ROUTER, first_min: int = 0, passed_on: int = ALL) -> World:
    """The purchase over two pools with something changed between them."""
    world = hopping()
    first, second = world.swap.routes[0].legs
    return world.but(
        data=execute(
            [
                commands_of(world.swap)[0],
                command(first, recipient, PAID, first_min, True),
                command(second, MSG_SENDER, passed_on, world.swap.min_out, False),
                *ending(world.swap),
            ]
        )
    )


def received(world: World, *checks: tuple[int, bytes], before: int = 0) -> World:
    """The trade with other receipt checks in place of its own, `before` so many of the last commands."""
    commands = commands_of(world.swap)[: None if world.swap.token_out == "ETH" else -1]
    at = len(commands) - before
    return world.but(data=execute([*commands[:at], *checks, *commands[at:]]))


def checked(world: World, **changes: Any) -> World:
    """The trade with its receipt check changed."""
    return received(world, receipt_check(world.swap, **changes))


def until(deadline: int) -> World:
    """The plain purchase with another deadline, in the action, the bytes and the permit."""
    world = buying()
    swap = replace(world.swap, deadline=deadline)
    commands = commands_of(swap, expiration=deadline, sig_deadline=deadline)
    return world.but(action=swap, data=execute(commands, deadline))


def priced(seconds_old: int) -> World:
    old = replace(STATE.reference["WETH"], updated_at=NOW - seconds_old)
    return buying().stated(reference={**STATE.reference, "WETH": old})


def reserve(extra: int) -> World:
    """The V2 pool exactly 1 % off the reference, and `extra` base units further."""
    moved = V2State(2_000_000 * USD, 1010 * 10**18 + extra)
    return buying().stated(pools={**STATE.pools, "WETH/USDC-v2": moved})


def holding(symbol: str, amount: int) -> World:
    return buying().stated(balances={**STATE.balances, symbol: amount})


def wrapped(recipient: str = ROUTER, amount: int = FAIR, *more: tuple[int, bytes]) -> World:
    """Native coin sold with its wrapping changed, or with `more` commands ahead of it."""
    world = wrapping()
    _, trade = world.swap.routes[0].legs
    wrap = command(WRAP, recipient, amount, 0, True)
    sold = command(trade, MSG_SENDER, ALL, world.swap.min_out, False)
    return world.but(data=execute([*more, wrap, sold, *ending(world.swap)]))


def alone(recipient: str = MSG_SENDER, min_out: int = FAIR) -> World:
    """Native coin wrapped and nothing more."""
    world = only_wrapping()
    swap = replace(world.swap, min_out=min_out)
    return world.but(action=swap, data=execute([command(WRAP, recipient, FAIR, 0, True), *ending(swap)]))


def coined(world: World, *legs: Leg, **changes: int) -> World:
    """The same trade of native coin over other legs."""
    swap = Swap((Route(legs, FAIR),), changes.pop("min_out", world.swap.min_out), DEADLINE)
    return world.but(action=swap, data=execute(commands_of(swap)), **({"deltas": changes} if changes else {}))


def taken(token: str) -> World:
    """The wallet's wrapped coin unwrapped, by bytes that take another token."""
    world = only_unwrapping()
    granted, _, unwrap = commands_of(world.swap)
    return world.but(data=execute([granted, transfer(FAIR, token), unwrap]))


HOLDS = Play(None, None, "next buy in 12 minutes", frozenset())


def ordered(
    side: Side, sold: str, bought: str, amount: float | str, *, most: float | str | None = None, profit: int = 0
) -> Play:
    """The player of an approved order makes this trade, in whole tokens of what is sold. `most`: what its limits allow;
    `profit`: the least of an arbitrage, in quote tokens."""
    limit = None if most is None else Decimal(most)
    trade = Trade(side, sold, bought, Decimal(amount), Decimal(amount), Decimal(profit), limit)
    return Play(trade, 0, "now", frozenset())
