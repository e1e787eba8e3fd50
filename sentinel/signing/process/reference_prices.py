"""Where the signer's reference prices come from: its own read of the feeds, or given ones within bounds.

With an endpoint of its own the signer reads the feeds of its network file, and the wallet's balance for the receipt
check, and ignores what it is given. Without one, given prices must lie near an anchor: the price by which a trade was
last signed on an earlier day, or the one from the signer's settings or the daemon's start.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from sentinel.chain.multicall import Read, decode_aggregate3, encode_aggregate3
from sentinel.chain.rpc import Endpoint
from sentinel.core.abi import encode
from sentinel.core.errors import RpcError, SignerRefused, SignerUnavailable
from sentinel.core.network import Address, Feed, Network
from sentinel.core.units import BPS, WORD
from sentinel.signing.process.signing_counter import SigningCounter
from sentinel.signing.router_call import RouterTrade
from sentinel.signing.trade_rules import PRICE, UnitValues, priced_tokens, unit_values

TIMEOUT = 3.0  # seconds for the endpoint; the daemon waits 5 s for a signature
_BLOCK_TIME = bytes.fromhex("0f28c97d")  # Multicall3.getCurrentBlockTimestamp()
_LATEST_ROUND = bytes.fromhex("feaf968c")  # -> (round, answer, startedAt, updatedAt, answeredInRound)
_DECIMALS = bytes.fromhex("313ce567")
_BALANCE_OF = bytes.fromhex("70a08231")


@dataclass(frozen=True, slots=True)
class PriceQuote:
    """What a trade is judged by."""

    values: UnitValues
    answers: Mapping[Address, int] = field(default_factory=dict)  # that were given and accepted; to be recorded
    held: int | None = None  # the wallet's balance of the bought token, base units; None if it is not known
    nonce: int | None = None  # the wallet's next one on the chain that balances were read at; None if it is not known
    quote_held: int | None = None  # the wallet's balance of the quote token, base units; None if it is not known


class ReferencePrices(Protocol):
    @property
    def reads_balances(self) -> bool: ...

    async def read(
        self, trade: RouterTrade, own: Address, given: Mapping[Address, int], *, quote_balance: bool = False
    ) -> PriceQuote:
        """`quote_balance`: read the wallet's balance of the quote token too, if balances are read at all.

        Raises SignerRefused if a given price is too far off, SignerUnavailable if no price can be had.
        """
        ...

    def anchor(self, prices: Mapping[Address, int]) -> None:
        """Take these prices as anchors, per token; the daemon hands them over with the caps."""
        ...


class GivenPrices:
    """Prices that policy gave, each within `max_move_bps` of an anchor."""

    reads_balances = False

    def __init__(
        self, network: Network, ledger: SigningCounter, max_move_bps: int, anchors: Mapping[Address, int]
    ) -> None:
        self._network = network
        self._ledger = ledger
        self._max_move_bps = max_move_bps
        self._anchors = dict(anchors)

    def anchor(self, prices: Mapping[Address, int]) -> None:
        self._anchors = dict(prices)

    async def read(
        self, trade: RouterTrade, own: Address, given: Mapping[Address, int], *, quote_balance: bool = False
    ) -> PriceQuote:
        quote = self._network.tokens[self._network.quote].address.lower()
        used = {token: given.get(token, 0) for token in sorted(priced_tokens(trade) - {quote})}
        for token, answer in used.items():
            anchors = [at for at in (self._ledger.last_price(token), self._anchors.get(token)) if at]
            if not any(abs(answer - at) * BPS <= self._max_move_bps * at for at in anchors):
                raise SignerRefused(
                    PRICE, f"the signer refuses: a price of {answer} for {token}, accepted ones: {anchors or 'none'}"
                )
        return PriceQuote(unit_values(used, self._network), used)


class FeedPrices:
    """The feeds of the network file and the wallet's balance, read at the newest block of the signer's own endpoint."""

    reads_balances = True

    def __init__(
        self,
        rpc: Endpoint,
        network: Network,
        max_head_age: int,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._rpc = rpc
        self._network = network
        self._max_head_age = max_head_age
        self._clock = clock

    def anchor(self, prices: Mapping[Address, int]) -> None:
        """Needs none."""

    async def read(
        self, trade: RouterTrade, own: Address, given: Mapping[Address, int], *, quote_balance: bool = False
    ) -> PriceQuote:
        network = self._network
        wanted = priced_tokens(trade)
        feeds = {
            network.tokens[symbol].address.lower(): feed
            for symbol, feed in network.feeds.items()
            if network.tokens[symbol].address.lower() in wanted
        }
        asked = [*feeds.values(), *([network.quote_feed] if network.quote_feed is not None and wanted else [])]
        reads: list[Read] = [(network.multicall3, _BLOCK_TIME)]
        reads += [(feed.address, call) for feed in asked for call in (_LATEST_ROUND, _DECIMALS)]
        balances = {
            "held": trade.bought if trade.min_balance is not None else None,
            "quote_held": network.tokens[network.quote].address if quote_balance else None,
        }
        read = {name: token for name, token in balances.items() if token is not None}
        reads += [(token, _BALANCE_OF + encode(["address"], [own])) for token in read.values()]
        answers, nonce = await self._answers(reads, own)
        now = _word(answers[0], 0, "the block's time")
        if abs(self._clock() - now) > self._max_head_age:
            raise SignerUnavailable(f"the newest block of the signer's endpoint is {self._clock() - now:.0f} s old")
        pairs = zip(answers[1 : 1 + 2 * len(asked) : 2], answers[2 : 2 + 2 * len(asked) : 2], strict=True)
        prices = [_price(feed, *pair, now) for feed, pair in zip(asked, pairs, strict=True)]
        if network.quote_feed is not None and wanted:
            *prices, quote = prices
            prices = [price * 10**network.quote_feed.decimals // quote for price in prices]
        values = unit_values(dict(zip(feeds, prices, strict=True)), network)
        words = answers[len(answers) - len(read) :]
        held = {name: _word(word, 0, "the wallet's balance") for name, word in zip(read, words, strict=True)}
        known = nonce if held else None
        return PriceQuote(values, held=held.get("held"), nonce=known, quote_held=held.get("quote_held"))

    async def _answers(self, reads: list[Read], own: Address) -> tuple[list[bytes | None], int]:
        """The answers and the wallet's next nonce, in one round trip.

        Raises SignerUnavailable if the endpoint does not answer in time or serves another chain.
        """
        call = {"to": self._network.multicall3, "data": "0x" + encode_aggregate3(reads).hex()}
        try:
            async with asyncio.timeout(TIMEOUT):
                replies = await self._rpc.batch(
                    [
                        ("eth_chainId", []),
                        ("eth_getTransactionCount", [own, "latest"]),
                        ("eth_call", [call, "latest"]),
                    ]
                )
            for reply in replies:
                if isinstance(reply, RpcError):
                    raise reply
            chain, nonce, returned = (str(reply) for reply in replies)
            if int(chain, 16) != self._network.chain_id:
                raise SignerUnavailable(f"the signer's endpoint serves chain {int(chain, 16)}")
            answers, next_nonce = decode_aggregate3(bytes.fromhex(returned[2:])), int(nonce, 16)
        except (RpcError, TimeoutError, ValueError, TypeError) as error:
            raise SignerUnavailable(f"the signer's endpoint does not answer: {type(error).__name__}") from error
        if len(answers) != len(reads):
            raise SignerUnavailable("the signer's endpoint answered something else")
        return answers, next_nonce


def _price(feed: Feed, latest: bytes | None, decimals: bytes | None, now: int) -> int:
    """The feed's answer. Raises SignerUnavailable unless it is fresh at `now`, positive and of the file's decimals."""
    answer = _word(latest, 1, f"the feed of {feed.token}")
    age = now - _word(latest, 3, f"the feed of {feed.token}")
    if not 0 < answer < 1 << 255 or not 0 <= age <= feed.max_age:
        raise SignerUnavailable(f"the feed of {feed.token} has no usable answer: {age} s old, at most {feed.max_age}")
    if _word(decimals, 0, f"the feed of {feed.token}") != feed.decimals:
        raise SignerUnavailable(f"the feed of {feed.token} has other decimals than the network file")
    return answer


def _word(answer: bytes | None, index: int, name: str) -> int:
    if answer is None or len(answer) < WORD * (index + 1):
        raise SignerUnavailable(f"{name} cannot be read at the signer's endpoint")
    return int.from_bytes(answer[WORD * index : WORD * (index + 1)])
