"""Reads of the wallet's balances, allowances and permit nonces, and of the price feeds: encoded once. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from eth_abi.abi import encode

from sentinel.chain.multicall import Read
from sentinel.core.errors import Unavailable
from sentinel.core.market_state import Reference
from sentinel.core.network import Address, Feed, Network, Symbol

_BALANCE_OF = bytes.fromhex("70a08231")
_ALLOWANCE = bytes.fromhex("dd62ed3e")  # ERC-20 allowance(owner, spender)
_PERMIT2_ALLOWANCE = bytes.fromhex("927da105")  # allowance(owner, token, spender) -> (amount, expiration, nonce)
_LATEST_ROUND = bytes.fromhex("feaf968c")  # -> (round, answer, startedAt, updatedAt, answeredInRound)


@dataclass(frozen=True, slots=True)
class WalletState:
    """The decoded answers to `WalletReads.reads` at one block."""

    balances: dict[Symbol, int]  # base units, tokens only
    allowances: dict[Symbol, int]  # ERC-20 allowance from the wallet to Permit2, base units
    permit_nonces: dict[Symbol, int]
    reference: dict[Symbol, Reference]  # a token whose feeds do not answer is absent, and policy then refuses it


class WalletReads:
    """The contract calls that read the wallet and the price feeds, and the decoder of their answers."""

    def __init__(self, network: Network, wallet: Address) -> None:
        self._tokens = tuple(network.tokens.values())
        self._feeds = tuple(network.feeds.values())
        self._quote_feed = network.quote_feed
        balance = _BALANCE_OF + encode(["address"], [wallet])
        allowance = _ALLOWANCE + encode(["address", "address"], [wallet, network.permit2])
        self.reads: tuple[Read, ...] = (
            *((token.address, balance) for token in self._tokens),
            *((token.address, allowance) for token in self._tokens),
            *(
                (
                    network.permit2,
                    _PERMIT2_ALLOWANCE
                    + encode(["address", "address", "address"], [wallet, token.address, network.universal_router]),
                )
                for token in self._tokens
            ),
            *((feed.address, _LATEST_ROUND) for feed in self._feeds),
            *((feed.address, _LATEST_ROUND) for feed in (self._quote_feed,) if feed is not None),
        )

    def decode(self, answers: Sequence[bytes | None], now: int) -> WalletState:
        """The wallet's state from the return data of `reads`, at the block with timestamp `now` (seconds).

        Raises Unavailable if a token or Permit2 does not answer.
        """
        count = len(self._tokens)
        symbols = [token.symbol for token in self._tokens]
        balances = {symbol: _word(answers[i], 0, f"{symbol}'s balance") for i, symbol in enumerate(symbols)}
        allowances = {symbol: _word(answers[count + i], 0, f"{symbol}'s allowance") for i, symbol in enumerate(symbols)}
        nonces = {symbol: _word(answers[2 * count + i], 2, "Permit2's nonce") for i, symbol in enumerate(symbols)}
        prices = [_price(feed, answer) for feed, answer in zip(self._feeds, answers[3 * count :], strict=False)]
        reference = {feed.token: price for feed, price in zip(self._feeds, prices, strict=True) if price is not None}
        if self._quote_feed is not None:
            quote = _price(self._quote_feed, answers[3 * count + len(self._feeds)])
            if quote is None or quote.answer <= 0 or not 0 <= now - quote.updated_at <= self._quote_feed.max_age:
                reference = {}  # without the quote feed nothing has a price in the quote token
            else:
                reference = {symbol: _in_quote(price, quote) for symbol, price in reference.items()}
        return WalletState(balances, allowances, nonces, reference)


def _price(feed: Feed, answer: bytes | None) -> Reference | None:
    """The feed's price in its own unit; None if the feed did not answer."""
    if answer is None or len(answer) < 160:
        return None
    return Reference(int.from_bytes(answer[32:64], signed=True), feed.decimals, _word(answer, 3, "the feed's time"))


def _in_quote(price: Reference, quote: Reference) -> Reference:
    """`price` converted from the feeds' common unit to the quote token, rounded down, with its own time of update."""
    return Reference(price.answer * 10**quote.decimals // quote.answer, price.decimals, price.updated_at)


def _word(answer: bytes | None, index: int, name: str) -> int:
    """Word `index` of an answer. Raises Unavailable, with `name` in its text, if the answer is missing or too short."""
    if answer is None or len(answer) < 32 * (index + 1):
        raise Unavailable(f"{name} could not be read")
    return int.from_bytes(answer[32 * index : 32 * (index + 1)])
