"""Balances that nothing of ours explains are told: once, whoever moved them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from sentinel.core.network import NATIVE
from sentinel.core.transaction import Intent, Outcome, Settled
from sentinel.daemon.guards.balance_watch import BalanceWatch
from sentinel.journal.journal import Journal
from tests.decide.fair_market import LIMITS
from tests.journal.values import GENESIS, HEAD, NETWORK, WALLET, cycle, end, intent, settled, state

Tell = Callable[[str, str], None]
USDC = 10**6


class Bell:
    def __init__(self) -> None:
        self.rung: list[str] = []

    def __call__(self, kind: str, detail: str) -> None:
        assert kind == "balance"
        self.rung.append(detail)


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal.open(tmp_path / "journal", NETWORK, GENESIS, WALLET)


def watch(journal: Journal, bell: Tell) -> BalanceWatch:
    return BalanceWatch.open(journal, NETWORK, lambda: LIMITS, bell)


def at(watch: BalanceWatch, block: int, **changes: int) -> None:
    """A cycle at a block; `changes` of the balances against the first ones."""
    read = state()
    balances = {symbol: amount + changes.get(symbol, 0) for symbol, amount in read.balances.items()}
    watch.cycle_done(replace(cycle(), state=replace(read, head=replace(HEAD, number=block), balances=balances)))


def traded(journal: Journal, how: Callable[[Intent], Settled]) -> Settled:
    one = intent()
    journal.accept(cycle(one), one)
    ended = how(one)
    end(journal, ended)
    return ended


def moving(realised: dict[str, int], one: Intent) -> Settled:
    return replace(settled(one), realised=realised)


def test_a_change_between_two_cycles_is_told_once(journal: Journal) -> None:
    """A loss of any size, a gain from the smallest trade's value (10 USDC) on; then it is the new normal."""
    bell = Bell()
    guard = watch(journal, bell)
    at(guard, 100)
    at(guard, 101, USDC=10 * USDC - 1)
    at(guard, 102, USDC=10 * USDC - 1)
    assert bell.rung == []
    at(guard, 103, USDC=10 * USDC - 2)
    at(guard, 104, USDC=10 * USDC - 2)
    (lost,) = bell.rung
    assert "changed by -1e-06 USDC between the blocks 102 and 103" in lost
    assert "deposit or a withdrawal of yours" in lost
    at(guard, 105, USDC=1_154 * USDC, ETH=-1, WETH=5 * 10**15)
    assert "+1,144 USDC" in bell.rung[1]
    assert "-1e-18 ETH" in bell.rung[1]
    assert "+0.005 WETH" in bell.rung[1]
    assert len(bell.rung) == 2


def test_our_own_transactions_explain_their_changes(journal: Journal) -> None:
    """A trade with its gas, and one that reverted; what comes beside them is told."""
    bell = Bell()
    guard = watch(journal, bell)
    at(guard, 100)
    first = traded(journal, settled)
    guard.settled(first)
    at(guard, 102, USDC=-500 * USDC, WETH=25 * 10**16, ETH=-(10**15))
    second = traded(journal, lambda one: replace(settled(one, Outcome.REVERTED), block_number=103))
    guard.settled(second)
    at(guard, 104, USDC=-500 * USDC, WETH=25 * 10**16, ETH=-2 * 10**15)
    assert bell.rung == []
    third = traded(journal, lambda one: replace(settled(one), block_number=105))
    guard.settled(third)
    at(guard, 106, USDC=-1_000 * USDC - 1, WETH=50 * 10**16, ETH=-3 * 10**15)
    assert len(bell.rung) == 1
    assert "-1e-06 USDC between the blocks 104 and 106" in bell.rung[0]


def test_what_comes_in_the_block_of_a_trade_is_told(journal: Journal) -> None:
    """The settlement books it as the trade's: +5 % by a rebase. A better price, up to the bound, is a better price."""
    bell = Bell()
    guard = watch(journal, bell)
    at(guard, 100)
    most = 25 * 10**16 * (10_000 + LIMITS.max_gain_bps) // 10_000
    guard.settled(traded(journal, lambda one: settled(one, out=most)))
    guard.settled(traded(journal, lambda one: settled(one, out=20 * 10**16)))  # the shortfall breaker's
    assert bell.rung == []
    guard.settled(traded(journal, lambda one: settled(one, out=most + 10**17)))
    for symbol, amount in (("USDC", -1), (NATIVE, -1), (NATIVE, 10**18)):
        changed = {"USDC": -500 * USDC, "WETH": 25 * 10**16}
        changed[symbol] = changed.get(symbol, 0) + amount
        guard.settled(traded(journal, functools.partial(moving, changed)))
    assert len(bell.rung) == 4
    assert all("in block 101 beside" in rung for rung in bell.rung)


def test_what_happened_while_nothing_ran_is_told_at_the_start(journal: Journal, tmp_path: Path) -> None:
    """Against the journal's last balances; and only once over several starts."""
    bell = Bell()
    guard = watch(journal, bell)
    journal.equity.observe(state())
    at(guard, 100)
    for _ in range(2):
        journal.close()
        journal = Journal.open(tmp_path / "journal", NETWORK, GENESIS, WALLET)
        guard = watch(journal, bell)
        at(guard, 150, USDC=-(10**9))
        at(guard, 151, USDC=-(10**9))
    (told,) = bell.rung
    assert "-1,000 USDC between the blocks 100 and 150" in told
