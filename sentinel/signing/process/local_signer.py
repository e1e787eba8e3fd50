"""Signs a request after two checks of its own, the limits and the counters, whoever asks (I24).

The signer's process serves it; tests use it in their own process.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn, Self

from sentinel.core.errors import SignerRefused, SignerUnavailable
from sentinel.core.network import Address
from sentinel.core.simulation import TxRequest
from sentinel.core.transaction import Fees
from sentinel.signing import signed_bytes
from sentinel.signing.order_rules import OrderBounds, check_order
from sentinel.signing.process.daily_caps import SigningRequest, digest
from sentinel.signing.process.keys import Key, LocalKey
from sentinel.signing.process.reference_prices import PriceQuote, ReferencePrices
from sentinel.signing.process.signing_counter import SigningCounter, UncountedSigning
from sentinel.signing.router_call import RouterTrade
from sentinel.signing.signer import SignedTx
from sentinel.signing.signer_limits import SignerLimits, check_permit, check_transaction
from sentinel.signing.trade_rules import BALANCE, check_balance, check_price


class LocalSigner:
    """A signer in this process. It shows its address and never its key."""

    __slots__ = ("_clock", "_key", "_ledger", "_limits", "_prices", "order")

    def __init__(
        self,
        key: Key,
        limits: SignerLimits,
        clock: Callable[[], float] = time.time,
        ledger: SigningCounter | None = None,
        prices: ReferencePrices | None = None,
        order: OrderBounds | None = None,
    ) -> None:
        """Without `prices` no price is judged, and without a `ledger` nothing is counted: in tests alone.

        `order` bounds the trades until it is replaced; with None the other limits alone do.
        """
        self._key = key
        self._limits = limits
        self._clock = clock
        self._ledger: SigningCounter = ledger or UncountedSigning()
        self._prices = prices
        self.order = order

    @property
    def address(self) -> Address:
        return self._key.address

    @property
    def chain_id(self) -> int:
        return self._limits.chain_id

    @property
    def limits(self) -> SignerLimits:
        return self._limits

    @property
    def reads_balances(self) -> bool:
        """Whether it reads the wallet's balances at an endpoint of its own."""
        return self._prices is not None and self._prices.reads_balances

    def allow(
        self, amounts: Mapping[Address, int], trades: Mapping[Address, int], prices: Mapping[Address, int]
    ) -> None:
        """Replace the caps, in base units per token, of approvals (`amounts`) and of trades, and the prices that given
        ones are compared with."""
        self._limits = replace(self._limits, amounts=amounts, trades=trades)
        if self._prices is not None:
            self._prices.anchor(prices)

    async def sign_transaction(
        self, chain_id: int, nonce: int, tx: TxRequest, fees: Fees, prices: Mapping[Address, int] | None = None
    ) -> SignedTx:
        """Sign a transaction.

        Raises SignerRefused, SignerUnavailable, or JournalError if it could not be counted; then it is not signed.
        """
        signature = await self.transaction_signature(chain_id, nonce, tx, fees, prices or {})
        return signed_bytes.signed_transaction(chain_id, nonce, tx, fees, signature, legacy=self._limits.legacy)

    async def transaction_signature(
        self, chain_id: int, nonce: int, tx: TxRequest, fees: Fees, prices: Mapping[Address, int]
    ) -> bytes:
        """The 65-byte signature alone. `prices` are those that policy decided by. Raises as `sign_transaction`."""
        details = {
            "to": tx.to,
            "selector": "0x" + tx.data[:4].hex(),
            "value": str(tx.value),
            "gas_limit": tx.gas_limit,
            "max_fee": str(fees.max_fee),
            "priority_fee": str(fees.priority_fee),
            "nonce": nonce,
        }
        try:
            trade = check_transaction(chain_id, tx, fees, self.address, self._limits, self._clock())
            loss = 0
            if trade is not None and not self._ledger.signed_before(nonce, digest(tx)):
                loss, judged = await self._judge(trade, nonce, prices)
                details |= judged
            taken = trade.taken if trade is not None else {}
            self._ledger.transaction(SigningRequest.of(nonce, tx, fees, self.address, taken, loss), details)
        except SignerRefused as error:
            self._ledger.refused(error.rule, {**details, "reason": str(error)[:300]})
            raise
        return await self._signature(signed_bytes.unsigned_bytes(chain_id, nonce, tx, fees, legacy=self._limits.legacy))

    async def _judge(
        self, trade: RouterTrade, nonce: int, given: Mapping[Address, int]
    ) -> tuple[int, Mapping[str, Any]]:
        """The loss that a new trade may bring, in base units of the quote token, and what to record of the judgement.

        Nothing is awaited after the order's counters are read, so no other trade is counted meanwhile. Raises
        SignerRefused, and SignerUnavailable if there is no price to judge by.
        """
        order = self.order
        quote = await self._quote(trade, given, order)
        if self.order is not order:
            raise SignerUnavailable("the operator has changed the order meanwhile")
        if quote.nonce not in (None, nonce):  # what was signed before it would change the balance that is checked
            raise SignerRefused(BALANCE, f"the signer refuses: nonce {nonce}, the chain's next one is {quote.nonce}")
        if quote.held is not None:
            check_balance(trade, quote.held)
        tolerance = self._limits.tolerance_bps
        loss = 0 if self._prices is None else check_price(trade, quote.values, tolerance)
        judged: dict[str, Any] = {"prices": {token: str(answer) for token, answer in quote.answers.items()}}
        if order is not None:
            before = self._ledger.order_trades(order.hash, order.min_gap)
            check_order(trade, order, quote.values, tolerance, before, quote.quote_held, self._clock())
            judged |= {"order": order.hash, "bought": str(order.bought_by(trade))}
        return loss, judged

    async def _quote(self, trade: RouterTrade, given: Mapping[Address, int], order: OrderBounds | None) -> PriceQuote:
        if self._prices is None:
            return PriceQuote({})
        if order is None or not order.reserve:
            return await self._prices.read(trade, self.address, given)
        return await self._prices.read(trade, self.address, given, quote_balance=order.quote in trade.taken)

    async def sign_permit(self, typed_data: Mapping[str, Any]) -> bytes:
        """Sign a Permit2 PermitSingle. Raises as `sign_transaction`."""
        try:
            check_permit(typed_data, self._limits, self._clock())
            permit = typed_data["message"]["details"]
            details = {"token": permit["token"], "amount": str(permit["amount"]), "until": permit["expiration"]}
            self._ledger.permit(details)
        except SignerRefused as error:
            self._ledger.refused(error.rule, {"permit": True, "reason": str(error)[:300]})
            raise
        return await self._signature(signed_bytes.permit_bytes(typed_data))

    async def _signature(self, preimage: bytes) -> bytes:
        """Sign, and verify the signature, because the key may be held outside this process."""
        signature = await self._key.sign(preimage)
        try:
            signed_by = signed_bytes.recover(preimage, signature)
        except ValueError as error:
            raise SignerUnavailable(f"the key's holder returned no usable signature: {error}") from error
        if signed_by != self.address:
            raise SignerUnavailable(f"the key's holder signed as {signed_by}, not as {self.address}")
        return signature

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.address})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a signer must not be serialised")


class KeystoreSigner(LocalSigner):
    """Signs with the key of an encrypted keystore (`sentinel wallet new`)."""

    __slots__ = ()

    @classmethod
    def load(
        cls, keystore: Path, password_file: Path, limits: SignerLimits, clock: Callable[[], float] = time.time
    ) -> Self:
        """Decrypt the keystore, which takes about one second. Raises SettingsError."""
        return cls(LocalKey.of_keystore(keystore, password_file), limits, clock)


class DevSigner(LocalSigner):
    """Signs with a raw key from a file, on the development chain only."""

    __slots__ = ()

    @classmethod
    def load(cls, key_file: Path, limits: SignerLimits, clock: Callable[[], float] = time.time) -> Self:
        """Read the key. Raises SettingsError on any chain id but 31337."""
        return cls(LocalKey.of_file(key_file, limits.chain_id), limits, clock)
