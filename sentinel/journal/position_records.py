"""What positions are made of: the coins of each confirmed trade, the operator's entries, and the highs that are kept.

An entry is a record, and so is a high: it survives the week for which closes are kept. Closes of the last hours are
left out of it, so that no reorg takes one back.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from sentinel.core.actions import Swap
from sentinel.core.closes import CloseSeries
from sentinel.core.errors import JournalError
from sentinel.core.market_state import Reference
from sentinel.core.network import NATIVE, Network, Symbol
from sentinel.core.transaction import Settled
from sentinel.core.units import COIN_DECIMALS, HOUR
from sentinel.core.valuation import convert
from sentinel.journal.ledger import Ledger
from sentinel.journal.serialization import canonical, decode
from sentinel.journal.stored_records import Record
from sentinel.orders.playing.positions import CoinTrade, Cost, Entry, High, costs, positions, settled_high
from sentinel.orders.playing.situation import Position
from sentinel.orders.typed.checks import check_number

SETTLED = 2 * HOUR  # seconds; a close that is older is kept in a high
EVERY = HOUR  # seconds of chain time between two looks at the highs

TABLES = """
CREATE TABLE entries (seq INTEGER PRIMARY KEY REFERENCES records, token TEXT NOT NULL) STRICT;
CREATE TABLE highs (
    token TEXT PRIMARY KEY, seq INTEGER NOT NULL REFERENCES records  -- the record with the position's high
) STRICT, WITHOUT ROWID;
"""


class PositionRecords:
    """Reads trades, entries and highs; writes the latter two. Writing raises JournalError."""

    def __init__(self, ledger: Ledger, network: Network) -> None:
        self._ledger = ledger
        self._network = network
        self._trades: dict[int, tuple[CoinTrade, ...]] = {}  # by the record of the settlement
        self._costs: tuple[tuple[int, int, int], dict[Symbol, Cost]] | None = None  # by what they were made of
        self._looked_at = 0  # chain time of the last look at the highs

    def give_entry(self, token: Symbol, price: Decimal, coins: Decimal, at: int) -> None:
        """Record what `coins` of a token cost that Sentinel did not buy; 0 coins correct the price that was given last.

        `at` is chain time. Raises JournalError for a token that the network does not have, and for numbers that are no
        price or amount.
        """
        if token == self._network.quote or (token not in self._network.tokens and token != NATIVE):
            raise JournalError(f"{token} is no token that can have an entry")
        try:
            check_number(price)
            check_number(coins)
        except (ValueError, ArithmeticError):
            raise JournalError("an entry needs a price and an amount below 10^15, with at most 18 decimals") from None
        if price <= 0 or coins < 0:
            raise JournalError(f"an entry needs a price above 0 and an amount, not {price} and {coins}")
        if not coins and not any(entry.token == token for entry in self.entries()):
            raise JournalError(f"there is no entry of {token} to correct: say of how many coins it is the cost")
        with self._ledger.transaction():
            body = {"token": token, "price": str(price), "coins": str(coins), "at": at}
            added = self._ledger.append("entry", canonical(body))
            self._ledger.execute("INSERT INTO entries VALUES (?,?)", added.seq, token)

    def entries(self) -> tuple[Entry, ...]:
        """All entries, in the order in which they were given."""
        rows = self._ledger.all("SELECT unpacked(body, packed) FROM entries JOIN records USING (seq) ORDER BY seq")
        return tuple(_entry(json.loads(body)) for (body,) in rows)

    def trades(self) -> tuple[CoinTrade, ...]:
        """What each confirmed swap did to its tokens, in the order of the settlements."""
        of = self._ends
        seqs = [seq for (seq,) in self._ledger.all(f"SELECT seq FROM {of} WHERE outcome = 'confirmed' ORDER BY seq")]
        self._trades = {seq: self._trades[seq] if seq in self._trades else self._read(seq) for seq in seqs}
        return tuple(trade for trades in self._trades.values() for trade in trades)

    @property
    def _ends(self) -> str:
        """The table of the trades that count: real ones, or those of the paper wallet while that is in use."""
        return "paper_fills" if self._ledger.meta("paper") == "on" else "settled"

    def _read(self, seq: int) -> tuple[CoinTrade, ...]:
        accepted, settled, at = self._ledger.one(
            "SELECT unpacked(ri.body, ri.packed), unpacked(rs.body, rs.packed), s.at "
            f"FROM {self._ends} s JOIN records rs ON rs.seq = s.seq "
            "JOIN intents i ON i.id = s.intent_id JOIN records ri ON ri.seq = i.seq WHERE s.seq = ?",
            seq,
        )
        return _coin_trades(self._network, json.loads(accepted), json.loads(settled), at)

    def costs(self) -> dict[Symbol, Cost]:
        """What is known about the cost of each token, see `sentinel.orders.playing.positions`."""
        at = self._ledger.one(f"SELECT count(*), max(seq), (SELECT count(*) FROM entries) FROM {self._ends}")
        if self._costs is None or self._costs[0] != at:
            self._costs = at, costs(self.trades(), self.entries())
        return self._costs[1]

    def highs(self) -> dict[Symbol, High]:
        """The highs that are kept, by token."""
        rows = self._ledger.all("SELECT token, unpacked(body, packed) FROM highs JOIN records USING (seq)")
        return {token: _high(json.loads(body)) for token, body in rows}

    def positions(
        self, holdings: Mapping[Symbol, Decimal], closes: Mapping[Symbol, CloseSeries]
    ) -> dict[Symbol, Position]:
        """The positions whose cost is known. A token that is held and absent has coins of unknown cost."""
        return positions(self.costs(), holdings, closes, self.highs())

    def keep_highs(self, closes: Mapping[Symbol, CloseSeries], now: int) -> None:
        """Keep the highs of closes that are old enough; `now` is chain time. Call it at each block: it acts hourly.

        Closes are kept for a week, so a daemon that was away for less misses none.
        """
        if 0 <= now - self._looked_at < EVERY:
            return
        self._looked_at, kept = now, self.highs()
        for token, cost in self.costs().items():
            high = settled_high(cost, closes.get(token, CloseSeries()), kept.get(token), now - SETTLED)
            if high is not None:
                with self._ledger.transaction():
                    body = {"token": token, "since": high.since, "price": str(high.price)}
                    added = self._ledger.append("high", canonical(body))
                    self._ledger.execute("INSERT OR REPLACE INTO highs VALUES (?,?)", token, added.seq)


def _coin_trades(
    network: Network, accepted: Mapping[str, Any], settlement: Mapping[str, Any], at: int
) -> tuple[CoinTrade, ...]:
    """What a confirmed swap did to the tokens that are not the quote token, from the wallet's balance changes."""
    settled = decode(Settled, settlement["settled"])
    plain = accepted["intent"]["decision"]["simulation"]["candidate"]["action"]
    if settled.unread or plain["$"] != Swap.__name__:
        return ()
    action = decode(Swap, plain)
    if action.is_cycle:
        return ()
    changes = {token: settled.realised.get(token, 0) for token in (action.token_in, action.token_out)}
    quote: int | None
    if network.quote in changes:
        quote = abs(changes.pop(network.quote))
    else:  # both sides at the value of what was sold, at the reference prices of the decision
        prices = decode(Mapping[Symbol, Reference], accepted["marks"])
        quote = convert(-changes[action.token_in], action.token_in, network.quote, prices, network)
    paid = None if quote is None else _whole(network, network.quote, quote)
    time = settled.mined_at or at // 1000
    return tuple(CoinTrade(time, token, _whole(network, token, change), paid) for token, change in changes.items())


def _whole(network: Network, token: Symbol, amount: int) -> Decimal:
    decimals = COIN_DECIMALS if token == NATIVE else network.tokens[token].decimals
    return Decimal(amount).scaleb(-decimals)


def _entry(body: Mapping[str, Any]) -> Entry:
    return Entry(body["at"], body["token"], Decimal(body["price"]), Decimal(body["coins"]))


def _high(body: Mapping[str, Any]) -> High:
    return High(body["since"], Decimal(body["price"]))


@dataclass(slots=True)
class ReplayedPositions:
    """The tables as they follow from the records alone, which `verify` compares with the index."""

    entries: dict[int, str] = field(default_factory=dict)  # record -> token
    highs: dict[str, int] = field(default_factory=dict)  # token -> record

    def apply(self, record: Record, body: Mapping[str, Any]) -> None:
        """Apply a record of any kind."""
        if record.kind == "entry":
            self.entries[record.seq] = body["token"]
        elif record.kind == "high":
            self.highs[body["token"]] = record.seq


def stored(ledger: Ledger) -> tuple[dict[int, str], dict[str, int]]:
    """The tables as they are in the file, in the form of `ReplayedPositions`."""
    return dict(ledger.all("SELECT seq, token FROM entries")), dict(ledger.all("SELECT token, seq FROM highs"))
