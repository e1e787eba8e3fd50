"""What counts a request before its signature is made: the signing ledger, or nothing in tests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from sentinel.core.network import Address
from sentinel.signing.order_rules import OrderTrades
from sentinel.signing.process.daily_caps import SigningRequest


class SigningCounter(Protocol):
    """Counts a request before its signature is made.

    The methods raise SignerRefused, and count nothing, if a cap of the day would be exceeded.
    """

    def signed_before(self, nonce: int, payload: str) -> bool:
        """Whether this nonce was signed for this payload: then its price was judged already."""
        ...

    def last_price(self, token: Address) -> int | None:
        """The answer by which a trade of this token was last signed before today, None if there is none."""
        ...

    def order_trades(self, order: str, seconds: int) -> OrderTrades:
        """What was signed under the order of this hash today, and the last trade of the last `seconds`."""
        ...

    def transaction(self, request: SigningRequest, details: Mapping[str, Any]) -> None: ...

    def permit(self, details: Mapping[str, Any]) -> None: ...

    def refused(self, rule: str, details: Mapping[str, Any]) -> None: ...


class UncountedSigning:
    """Counts nothing. For a signer inside the process of a test."""

    def signed_before(self, nonce: int, payload: str) -> bool:
        return False

    def last_price(self, token: Address) -> int | None:
        return None

    def order_trades(self, order: str, seconds: int) -> OrderTrades:
        return OrderTrades()

    def transaction(self, request: SigningRequest, details: Mapping[str, Any]) -> None:
        pass

    def permit(self, details: Mapping[str, Any]) -> None:
        pass

    def refused(self, rule: str, details: Mapping[str, Any]) -> None:
        pass
