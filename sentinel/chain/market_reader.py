"""The market at ONE block hash: pools, balances, allowances, feeds, nonce and fees in one JSON-RPC batch.

All contract reads of a block go into one Multicall3 call. If a pool's price moved to ticks that were not read yet, its
reader requests further rounds at the same block hash.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from typing import Any, Protocol

from sentinel.chain import replies
from sentinel.chain.close_history import CloseHistory
from sentinel.chain.fee_market import InclusionPrice, data_fee_of, data_fee_reads
from sentinel.chain.history import BlockCloses
from sentinel.chain.mid_prices import mid_prices
from sentinel.chain.multicall import Read, decode_aggregate3, encode_aggregate3
from sentinel.chain.replies import Reply
from sentinel.chain.rpc import Endpoint, at_block, quantity
from sentinel.chain.wallet_reads import WalletReads
from sentinel.core.errors import HeadGone, QuoteError, RpcError, SettingsError, Unavailable
from sentinel.core.market_state import Head, MarketState, PoolState
from sentinel.core.network import NATIVE, Address, Network, Pool, PoolName, Symbol

_BLOCK_TIMESTAMP = bytes.fromhex("0f28c97d")  # Multicall3.getCurrentBlockTimestamp()


class PoolReader(Protocol):
    """The part of a venue that reads its pools; `sentinel.dex.venues.registry` has the implementations."""

    def read(self, pool: Pool, hint: PoolState | None) -> Generator[Sequence[Read], Sequence[bytes | None], PoolState]:
        """Yields rounds of calls, receives the return data of each round, and returns the pool's state.

        `hint` is the pool's state at an earlier block, which can save rounds. Raises QuoteError.
        """
        ...

    def reserves(self, pool: Pool, state: PoolState) -> tuple[float, float]:
        """The pool's virtual reserves of token0 and token1, in base units."""
        ...


class MarketReader:
    """Reads the whole market state of one head, and keeps the price history."""

    def __init__(
        self,
        rpc: Endpoint,
        network: Network,
        wallet: Address,
        readers: Mapping[str, PoolReader],
        history: BlockCloses,
        *,
        closes: CloseHistory | None = None,
        min_priority_fee: int = 0,
        max_priority_fee: int | None = None,
    ) -> None:
        """`readers` by venue name. Without `closes`, the closes by time are those of this reader's own blocks.

        The two fees (wei per gas) bound the price of inclusion, see `InclusionPrice`.

        Raises SettingsError if the network file names a venue that has no reader.
        """
        if unknown := [pool for pool in network.pools.values() if pool.venue not in readers]:
            known = ", ".join(readers)
            lines = [f"network {network.name}: pool {pool.name}: no venue is called {pool.venue}" for pool in unknown]
            raise SettingsError("\n".join(f"{line}; known are {known}" for line in lines))
        self._rpc = rpc
        self._network = network
        self._wallet = wallet
        self._readers = readers
        self._inclusion = InclusionPrice(network, min_priority_fee, max_priority_fee)
        self._accounts = WalletReads(network, wallet)
        self._states: Mapping[PoolName, PoolState] = {}  # of the last read; they save rounds
        self.history = history
        self.closes = closes or CloseHistory()

    def rewind(self, number: int) -> None:
        """Forget the closes of block `number` and of all later blocks, because a reorg replaced them."""
        self.history.rewind(number)
        self.closes.rewind(number)

    async def read(self, head: Head) -> MarketState:
        """The market state of `head`. Adds its prices to the history.

        Raises HeadGone if no endpoint has this block and its state, Unavailable for every other failure.
        """
        network, at, since = self._network, at_block(head.hash), self.closes.reorgs
        rounds = _Rounds(network, self._readers, self._states)
        fee_reads = data_fee_reads(network)
        fixed = [(network.multicall3, _BLOCK_TIMESTAMP), *fee_reads, *self._accounts.reads]
        replies = await self._rpc.batch(
            [
                ("eth_call", [self._multicall([*fixed, *rounds.wanted]), at]),
                ("eth_getBalance", [self._wallet, at]),
                ("eth_getTransactionCount", [self._wallet, at]),
                *self._inclusion.calls(head),
            ]
        )
        answers = _decoded(replies[0], head, len(fixed) + len(rounds.wanted))
        if len(answers[0] or b"") < 32 or int.from_bytes((answers[0] or b"")[:32]) != head.timestamp:
            raise Unavailable(f"the endpoint did not answer for block {head.number} {head.hash}")
        data_fee = data_fee_of(answers[1 : 1 + len(fee_reads)])
        accounts = self._accounts.decode(answers[1 + len(fee_reads) : len(fixed)], head.timestamp)
        balance, nonce = _quantity(replies[1], head), _quantity(replies[2], head, 63)

        states = await self._finish(rounds, answers[len(fixed) :], head)
        self._states = states
        prices = self._prices(states)
        if unpriced := sorted(set(network.tokens) - set(prices)):
            raise Unavailable(f"no pool with liquidity gives a price of {', '.join(unpriced)}")
        self.history.append(head, prices)
        self.closes.record(head, self._of_coins(prices), since)
        return MarketState(
            head=head,
            wallet=self._wallet,
            balances={**accounts.balances, NATIVE: balance},
            pools=states,
            prices=prices,
            reference=accounts.reference,
            history=self.history.closes(),
            nonce=nonce,
            permit_nonces=accounts.permit_nonces,
            allowances=accounts.allowances,
            priority_fee=self._inclusion.price(head, replies[3:]),
            data_fee=data_fee,
            closes=self.closes.at(head),
        )

    async def closes_at(self, head: Head) -> dict[Symbol, float]:
        """Only the prices at `head`, which may be a past block if the node has its state. Raises as `read` does."""
        rounds = _Rounds(self._network, self._readers, self._states)
        states = await self._finish(rounds, await self._answers(rounds.wanted, head), head)
        return self._prices(states)

    async def add_past(self, head: Head) -> bool:
        """Read the prices of an earlier block into a gap of `closes`, see `CloseHistory.insert`. Raises as `read`."""
        since = self.closes.reorgs
        return self.closes.insert(head, self._of_coins(await self.closes_at(head)), since)

    async def _finish(
        self, rounds: _Rounds, answers: Sequence[bytes | None], head: Head
    ) -> Mapping[PoolName, PoolState]:
        """Query the pools' readers in rounds until each has its state, all at the hash of `head`."""
        rounds.feed(answers)
        while rounds.wanted:
            rounds.feed(await self._answers(rounds.wanted, head))
        return rounds.states

    async def _answers(self, reads: Sequence[Read], head: Head) -> list[bytes | None]:
        (reply,) = await self._rpc.batch([("eth_call", [self._multicall(reads), at_block(head.hash)])])
        return _decoded(reply, head, len(reads))

    def _multicall(self, reads: Sequence[Read]) -> dict[str, str]:
        return {"to": self._network.multicall3, "data": "0x" + encode_aggregate3(reads).hex()}

    def _of_coins(self, prices: Mapping[Symbol, float]) -> dict[Symbol, float]:
        """Without the quote token, whose price is always 1."""
        return {symbol: price for symbol, price in prices.items() if symbol != self._network.quote}

    def _prices(self, states: Mapping[PoolName, PoolState]) -> dict[Symbol, float]:
        pools = self._network.pools
        return mid_prices(
            self._network,
            {name: self._readers[pools[name].venue].reserves(pools[name], state) for name, state in states.items()},
        )


class _Rounds:
    """The readers of all pools, advanced together: each round is one list of calls for all of them."""

    def __init__(
        self, network: Network, readers: Mapping[str, PoolReader], hints: Mapping[PoolName, PoolState]
    ) -> None:
        self.states: dict[PoolName, PoolState] = {}
        self._running = {name: readers[pool.venue].read(pool, hints.get(name)) for name, pool in network.pools.items()}
        self._open = {name: next(reader) for name, reader in self._running.items()}  # reads without an answer yet

    @property
    def wanted(self) -> list[Read]:
        """The calls of the next round; empty once every pool has its state."""
        return [read for reads in self._open.values() for read in reads]

    def feed(self, answers: Sequence[bytes | None]) -> None:
        """Pass the return data of `wanted`, in its order, to the readers.

        Raises Unavailable if the contract at a pool's address does not answer as a pool.
        """
        start, reads_by_pool = 0, self._open
        self._open = {}
        for name, reads in reads_by_pool.items():
            pool_answers = answers[start : start + len(reads)]
            start += len(reads)
            try:
                self._open[name] = self._running[name].send(pool_answers)
            except StopIteration as done:
                self.states[name] = done.value
            except QuoteError as error:
                raise Unavailable(f"pool {name} cannot be read: {error}") from error


def _answered(reply: Any | RpcError, head: Head) -> str:
    """The reply if it is a string. Raises HeadGone if no endpoint has the block or its state, RpcError otherwise."""
    if isinstance(reply, RpcError):
        if replies.classify(reply) is Reply.MISSING:
            raise HeadGone(f"no endpoint has block {head.number} {head.hash} and its state: {reply}") from reply
        raise reply
    if not isinstance(reply, str):
        raise RpcError(f"the endpoint answered {str(reply)[:80]!r} for block {head.number}")
    return reply


def _decoded(reply: Any | RpcError, head: Head, count: int) -> list[bytes | None]:
    """The answers to a Multicall3 call of `count` reads. Raises HeadGone or RpcError."""
    text = _answered(reply, head)
    try:
        answers = decode_aggregate3(bytes.fromhex(text.removeprefix("0x")))
    except ValueError as error:
        raise RpcError(f"Multicall3 at block {head.number} answered {text[:80]!r}") from error
    if len(answers) != count:
        raise RpcError(f"Multicall3 at block {head.number} returned {len(answers)} answers for {count} reads")
    return answers


def _quantity(reply: Any | RpcError, head: Head, bits: int = 256) -> int:
    return quantity(_answered(reply, head), bits)
