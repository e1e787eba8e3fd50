"""Profit, loss and flows: whatever happens to a wallet, the parts sum to what its equity moved by, to the base unit."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from sentinel.core.market_state import Reference
from sentinel.core.network import NATIVE
from sentinel.core.transaction import EquityPoint
from sentinel.core.units import DAY
from sentinel.core.valuation import value
from sentinel.journal.performance import OwnTransaction, days, steps
from tests.journal.values import NETWORK

SYMBOLS = ("USDC", "WETH", NATIVE)


@dataclass
class Wallet:
    """A model of a wallet on a chain: what we did and what others did to it are written down apart."""

    at: int = 1_800_000_000
    block: int = 100
    held: dict[str, int] = field(default_factory=lambda: {"USDC": 10**10, "WETH": 5 * 10**18, NATIVE: 10**18})
    price: int = 2_000 * 10**8
    own: list[OwnTransaction] = field(default_factory=list)
    flows: dict[str, int] = field(default_factory=lambda: dict.fromkeys(SYMBOLS, 0))
    points: list[EquityPoint] = field(default_factory=list)

    def trade(self, usdc: int, weth: int, gas: int) -> None:
        self.block += 1
        self.own.append(
            OwnTransaction(self.block, self.at, {"USDC": usdc, "WETH": weth, NATIVE: -gas}, True, gas, 7, -3)
        )
        for symbol, amount in self.own[-1].changes.items():
            self.held[symbol] += amount

    def flow(self, symbol: str, amount: int) -> None:
        self.block += 1
        self.held[symbol] += amount
        self.flows[symbol] += amount

    def look(self, seconds: int) -> None:
        self.block += 1
        self.at += seconds
        prices = {"WETH": Reference(self.price, 8, self.at), "USDC": Reference(10**18, 18, self.at)}
        self.points.append(EquityPoint(self.at, self.block, dict(self.held), prices))


small = st.integers(-(10**9), 10**9)
events = st.lists(
    st.one_of(
        st.tuples(st.just("trade"), small, st.integers(-(10**17), 10**17), st.integers(0, 10**15)),
        st.tuples(st.just("flow"), st.sampled_from(SYMBOLS), small),
        st.tuples(st.just("price"), st.integers(1, 10**13)),
        st.tuples(st.just("look"), st.integers(0, 3 * DAY)),
    ),
    max_size=40,
)


def after(what: list[tuple[object, ...]]) -> Wallet:
    wallet = Wallet()
    wallet.look(0)
    for kind, *given_ in what:
        if kind == "price":
            (wallet.price,) = given_  # type: ignore[assignment]
        else:
            getattr(wallet, str(kind))(*given_)
    wallet.look(1)
    return wallet


@given(events)
def test_changes_and_flows_sum_to_what_equity_moved_by(what: list[tuple[object, ...]]) -> None:
    """Exactly, in base units; and every deposit and withdrawal is found in its own token to the unit."""
    wallet = after(what)
    seen = steps(wallet.points, wallet.own, NETWORK)
    assert sum(step.change + step.flow for step in seen) == seen[-1].equity - seen[0].equity
    found = {symbol: sum(step.flows.get(symbol, 0) for step in seen) for symbol in SYMBOLS}
    assert found == wallet.flows
    by_day = days(seen, wallet.own)
    assert sum(day.change + day.flow for day in by_day) == seen[-1].equity - seen[0].equity
    assert sum(day.realised for day in by_day) == -3 * len(wallet.own)
    assert sum(day.gas_cost for day in by_day) == sum(one.gas_cost for one in wallet.own)
    assert sum(day.trades for day in by_day) == len(wallet.own)
    assert [day.day for day in by_day] == sorted({day.day for day in by_day})
    assert by_day[-1].equity == seen[-1].equity


@given(events)
def test_equity_beyond_doing_nothing_is_what_our_transactions_brought(what: list[tuple[object, ...]]) -> None:
    """At today's prices, but for the rounding of one base unit a token."""
    wallet = after(what)
    last = steps(wallet.points, wallet.own, NETWORK)[-1]
    brought = {symbol: sum(one.changes.get(symbol, 0) for one in wallet.own) for symbol in SYMBOLS}
    ours = value(brought, wallet.points[-1].prices, NETWORK)
    assert abs(last.equity - last.hold - ours) <= len(SYMBOLS)


def test_a_deposit_is_no_profit_and_heals_no_drawdown() -> None:
    """The price falls by a tenth, somebody deposits: equity is up, the drawdown and the loss stay."""
    wallet = Wallet(held={"USDC": 0, "WETH": 10**18, NATIVE: 0})
    wallet.look(0)
    wallet.price = 1_800 * 10**8
    wallet.flow("USDC", 10**9)
    wallet.look(DAY)
    wallet.look(DAY)
    seen = steps(wallet.points, wallet.own, NETWORK)
    assert (seen[1].change, seen[1].flow, seen[1].equity) == (-200 * 10**6, 10**9, 2_800 * 10**6)
    assert seen[1].hold == seen[1].equity
    assert [step.drawdown_bps for step in seen] == [0, 1000, 1000]
    assert [(day.trades, day.change) for day in days(seen, ())] == [(0, 0), (0, -200 * 10**6), (0, 0)]
