"""What belongs to the wallet, and the feeds: encoded once, read at every block. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from eth_abi.abi import encode

from sentinel.errors import Unavailable
from sentinel.multicall import Read
from sentinel.types import Address, Network, Reference, Symbol

_BALANCE_OF = bytes.fromhex("70a08231")
_ALLOWANCE = bytes.fromhex("dd62ed3e")  # ERC-20 allowance(owner, spender)
_PERMIT2_ALLOWANCE = bytes.fromhex("927da105")  # allowance(owner, token, spender) -> (amount, expiration, nonce)
_LATEST_ROUND = bytes.fromhex("feaf968c")  # -> (round, answer, startedAt, updatedAt, answeredInRound)


@dataclass(frozen=True, slots=True)
class Accounts:
    balances: dict[Symbol, int]  # base units, tokens only
    allowances: dict[Symbol, int]  # ERC-20 wallet -> Permit2, base units
    permit_nonces: dict[Symbol, int]
    reference: dict[Symbol, Reference]  # a feed that does not answer is absent: policy then refuses


class AccountReads:
    def __init__(self, network: Network, wallet: Address) -> None:
        self._tokens = tuple(network.tokens.values())
        self._feeds = tuple(network.feeds.values())
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
        )

    def decode(self, answers: Sequence[bytes | None]) -> Accounts:
        """The return data of `reads`. Raises Unavailable where a token or Permit2 does not answer."""
        n = len(self._tokens)
        symbols = [token.symbol for token in self._tokens]
        balances = {symbol: _word(answers[i], 0, f"{symbol}'s balance") for i, symbol in enumerate(symbols)}
        allowances = {symbol: _word(answers[n + i], 0, f"{symbol}'s allowance") for i, symbol in enumerate(symbols)}
        nonces = {symbol: _word(answers[2 * n + i], 2, "Permit2's nonce") for i, symbol in enumerate(symbols)}
        reference = {}
        for feed, answer in zip(self._feeds, answers[3 * n :], strict=True):
            if answer is not None and len(answer) >= 160:
                price = int.from_bytes(answer[32:64], signed=True)
                reference[feed.token] = Reference(price, feed.decimals, _word(answer, 3, "the feed's time"))
        return Accounts(balances, allowances, nonces, reference)


def _word(answer: bytes | None, index: int, what: str) -> int:
    if answer is None or len(answer) < 32 * (index + 1):
        raise Unavailable(f"{what} could not be read")
    return int.from_bytes(answer[32 * index : 32 * (index + 1)])
