"""The market at ONE block hash: pools, balances, allowances, feeds, nonce and fees in one JSON-RPC batch.

All contract reads of a block travel in one Multicall3 call. A pool whose price entered unknown ground asks for
further rounds at the same block hash.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Mapping, Sequence
from typing import Any, Protocol

from sentinel.chain.fee_market import InclusionPrice, data_fee_of, data_fee_reads
from sentinel.chain.history import PriceHistory
from sentinel.chain.mid_prices import mid_prices
from sentinel.chain.multicall import Read, decode_aggregate3, encode_aggregate3
from sentinel.chain.rpc import Endpoint, at_block, quantity
from sentinel.chain.wallet_reads import WalletReads
from sentinel.core.errors import HeadGone, QuoteError, RpcError, SettingsError, Unavailable
from sentinel.core.market_state import Head, MarketState, PoolState
from sentinel.core.network import NATIVE, Address, Network, Pool, PoolName, Symbol

_BLOCK_TIMESTAMP = bytes.fromhex("0f28c97d")  # Multicall3.getCurrentBlockTimestamp()
_NO_SUCH_BLOCK = re.compile(r"not found|not (currently )?canonical|unknown block", re.IGNORECASE)  # Anvil, geth, reth


class PoolReader(Protocol):
    """A venue as far as reading goes; sentinel.dex.venues.registry has them."""

    def read(self, pool: Pool, hint: PoolState | None) -> Generator[Sequence[Read], Sequence[bytes | None], PoolState]:
        """Yields rounds of calls, is sent the return data of each, and returns the state. Raises QuoteError."""
        ...

    def reserves(self, pool: Pool, state: PoolState) -> tuple[float, float]: ...


class MarketReader:
    def __init__(
        self,
        rpc: Endpoint,
        network: Network,
        wallet: Address,
        readers: Mapping[str, PoolReader],
        history: PriceHistory,
        *,
        min_priority_fee: int = 0,
        max_priority_fee: int | None = None,
    ) -> None:
        """`readers` by venue name. The last two (wei per gas) bound what inclusion is said to cost: see
        `InclusionPrice`.

        Raises SettingsError where the network file names a venue that has no reader.
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
        self._states: Mapping[PoolName, PoolState] = {}  # of the last read: they spare rounds
        self.history = history

    async def read(self, head: Head) -> MarketState:
        """Raises HeadGone when the endpoint does not have this block in its chain, Unavailable for all else."""
        network, at = self._network, at_block(head.hash)
        rounds = _Rounds(network, self._readers, self._states)
        fee_reads = data_fee_reads(network)
        own = [(network.multicall3, _BLOCK_TIMESTAMP), *fee_reads, *self._accounts.reads]
        replies = await self._rpc.batch(
            [
                ("eth_call", [self._multicall([*own, *rounds.wanted]), at]),
                ("eth_getBalance", [self._wallet, at]),
                ("eth_getTransactionCount", [self._wallet, at]),
                *self._inclusion.calls(head),
            ]
        )
        answers = _decoded(replies[0], head, len(own) + len(rounds.wanted))
        if len(answers[0] or b"") < 32 or int.from_bytes((answers[0] or b"")[:32]) != head.timestamp:
            raise Unavailable(f"the endpoint did not answer for block {head.number} {head.hash}")
        data_fee = data_fee_of(answers[1 : 1 + len(fee_reads)])
        accounts = self._accounts.decode(answers[1 + len(fee_reads) : len(own)], head.timestamp)
        balance, nonce = _quantity(replies[1], head), _quantity(replies[2], head, 63)

        states = await self._finish(rounds, answers[len(own) :], head)
        self._states = states
        prices = self._prices(states)
        if unpriced := sorted(set(network.tokens) - set(prices)):
            raise Unavailable(f"no pool with liquidity prices {', '.join(unpriced)}")
        self.history.append(head, prices)
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
        )

    async def closes_at(self, head: Head) -> dict[Symbol, float]:
        """Prices alone at a block, past ones included as far as the node has state. Raises as `read` does."""
        rounds = _Rounds(self._network, self._readers, self._states)
        states = await self._finish(rounds, await self._answers(rounds.wanted, head), head)
        return self._prices(states)

    async def _finish(
        self, rounds: _Rounds, answers: Sequence[bytes | None], head: Head
    ) -> Mapping[PoolName, PoolState]:
        """Feed the pools' readers until each has its state, all at this one block hash."""
        rounds.feed(answers)
        while rounds.wanted:
            rounds.feed(await self._answers(rounds.wanted, head))
        return rounds.states

    async def _answers(self, reads: Sequence[Read], head: Head) -> list[bytes | None]:
        (reply,) = await self._rpc.batch([("eth_call", [self._multicall(reads), at_block(head.hash)])])
        return _decoded(reply, head, len(reads))

    def _multicall(self, reads: Sequence[Read]) -> dict[str, str]:
        return {"to": self._network.multicall3, "data": "0x" + encode_aggregate3(reads).hex()}

    def _prices(self, states: Mapping[PoolName, PoolState]) -> dict[Symbol, float]:
        pools = self._network.pools
        return mid_prices(
            self._network,
            {name: self._readers[pools[name].venue].reserves(pools[name], state) for name, state in states.items()},
        )


class _Rounds:
    """The readers of all pools, advanced in step: one list of calls at a time for all of them."""

    def __init__(
        self, network: Network, readers: Mapping[str, PoolReader], hints: Mapping[PoolName, PoolState]
    ) -> None:
        self.states: dict[PoolName, PoolState] = {}
        self._running = {name: readers[pool.venue].read(pool, hints.get(name)) for name, pool in network.pools.items()}
        self._asked = {name: next(reader) for name, reader in self._running.items()}

    @property
    def wanted(self) -> list[Read]:
        return [read for asked in self._asked.values() for read in asked]

    def feed(self, answers: Sequence[bytes | None]) -> None:
        """The return data of `wanted`, in its order. Raises Unavailable where a pool does not answer as one."""
        start, asked = 0, self._asked
        self._asked = {}
        for name, reads in asked.items():
            mine = answers[start : start + len(reads)]
            start += len(reads)
            try:
                self._asked[name] = self._running[name].send(mine)
            except StopIteration as done:
                self.states[name] = done.value
            except QuoteError as error:
                raise Unavailable(f"pool {name} cannot be read: {error}") from error


def _answered(reply: Any | RpcError, head: Head) -> str:
    if isinstance(reply, RpcError):
        if _NO_SUCH_BLOCK.search(str(reply)):
            raise HeadGone(f"block {head.number} {head.hash} is not in the endpoint's chain: {reply}") from reply
        raise reply
    if not isinstance(reply, str):
        raise RpcError(f"the endpoint answered {str(reply)[:80]!r} for block {head.number}")
    return reply


def _decoded(reply: Any | RpcError, head: Head, count: int) -> list[bytes | None]:
    """As many answers as were asked for. Raises RpcError."""
    text = _answered(reply, head)
    try:
        answers = decode_aggregate3(bytes.fromhex(text.removeprefix("0x")))
    except ValueError as error:
        raise RpcError(f"Multicall3 at block {head.number} answered {text[:80]!r}") from error
    if len(answers) != count:
        raise RpcError(f"Multicall3 at block {head.number} gave {len(answers)} answers to {count} reads")
    return answers


def _quantity(reply: Any | RpcError, head: Head, bits: int = 256) -> int:
    return quantity(_answered(reply, head), bits)
