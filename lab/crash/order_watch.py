"""Watches what a daemon that is killed again and again knows of its order, and compares it with the chain."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from lab.crash.crash_tally import EVERY
from lab.crash.order_state import ChainClose, ChainTruth, Look, fill_of
from sentinel.chain.close_file import read_closes
from sentinel.chain.heads import parse_head
from sentinel.chain.history import BlockCloses
from sentinel.chain.market_reader import MarketReader
from sentinel.core.errors import JournalError
from sentinel.core.network import Address
from sentinel.daemon.files import CLOSES, JOURNAL
from sentinel.dex.venues.registry import READERS
from sentinel.journal.journal import Journal
from sentinel.market import Devnet


class OrderWatch:
    """`looks` counts the records of the player that were compared; `forgotten` says what was not as on the chain."""

    def __init__(self, net: Devnet, wallet: Address, state: Path) -> None:
        self.looks = 0
        self.forgotten: list[str] = []
        self._net, self._wallet, self._state = net, wallet, state
        self._prices = MarketReader(net.rpc, net.network, wallet, READERS, BlockCloses(1))
        self._truth = ChainTruth()
        self._seen = 0  # id of the last cycle that was compared
        self._stored: tuple[int, ...] = ()  # blocks whose closes were on disk at the last kill

    async def note_block(self, number: int, receipts: Sequence[Mapping[str, Any]]) -> None:
        """Read a block's close, and what the wallet traded in it. Call it once a block, in their order."""
        head = parse_head(await self._net.rpc.call("eth_getBlockByNumber", hex(number), False))
        price = (await self._prices.closes_at(head))["WETH"]
        self._truth.closes[number] = ChainClose(head.timestamp, Decimal(repr(price)))
        tokens = [self._net.network.tokens[symbol] for symbol in ("WETH", "USDC")]
        decimals = {token.address.lower(): token.decimals for token in tokens}
        for receipt in receipts:
            if receipt["from"].lower() == self._wallet.lower():
                fill = fill_of(number, head.timestamp, receipt["logs"], self._wallet, decimals)
                self._truth.fills += [] if fill is None else [fill]

    def compare(self) -> None:
        """Compare what the player said since the last call, and the closes on disk, with the chain.

        Only while no daemon runs.
        """
        stored = {close.number: close.prices["WETH"] for close in read_closes(self._state / CLOSES)}
        for number, price in stored.items():
            close = self._truth.closes.get(number)
            if close is not None and Decimal(repr(price)) != close.price:
                self.forgotten.append(f"block {number}: the close on disk is {price}, not {close.price}")
        known = list(self._stored)
        for look in self._looks():
            self.looks += 1
            known.append(look.block)
            if look.block not in stored:
                self.forgotten.append(f"block {look.block}: no close is on disk")
            if (wrong := self._truth.wrong(look, known)) is not None:
                self.forgotten.append(f"block {look.block}: {wrong}")
        self._stored = tuple(stored)

    def _looks(self) -> Iterator[Look]:
        """Oldest first."""
        try:
            journal = Journal.open(self._state / JOURNAL, self._net.network, None, None, read_only=True)
        except JournalError:  # killed before the journal existed
            return
        try:
            for line in reversed(journal.cycles(EVERY)):
                if line.id > self._seen:
                    self._seen, record = line.id, journal.get_cycle(line.id)
                    if record.state is not None and record.played is not None:
                        price = Decimal(repr(record.state.prices["WETH"]))
                        head, played = record.head, record.played
                        yield Look(head.number, head.timestamp, price, played.why, played.side)
        finally:
            journal.close()
