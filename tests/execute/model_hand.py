"""The executor's hand in a model: signs, sends and observes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sentinel.core.simulation import TxRequest
from sentinel.core.transaction import Attempt, Fees, Intent, Settled
from sentinel.core.units import GWEI, TRANSFER_GAS
from sentinel.execute.broadcast import PUBLIC, BroadcastReply, offer
from sentinel.execute.fee_bids import FeeCaps
from sentinel.signing.signer import SignedTx
from tests.execute.model_chain import WALLET, ModelChain, sign

CAPS = FeeCaps(300 * GWEI, 30 * GWEI, 10**17)
GAS = 100_000


class Crash(Exception):
    pass


class Hand:
    """Signs, sends and observes; holds every signature against I4, I5 and I8, and crashes where it is told to."""

    address = WALLET
    way = PUBLIC

    def __init__(self, chain: ModelChain, journal: Any) -> None:
        self.chain = chain
        self.journal = journal
        self.signed: dict[int, list[tuple[TxRequest, Fees]]] = {}
        self.alarms: list[str] = []
        self.crash_at = ""

    async def sign_transaction(
        self, chain_id: int, nonce: int, tx: TxRequest, fees: Fees, prices: Mapping[str, int] | None = None
    ) -> SignedTx:
        earlier = self.signed.setdefault(nonce, [])
        gas = TRANSFER_GAS if tx.to == WALLET else GAS
        assert CAPS.allow(fees, gas), f"{fees} is above the caps"
        if earlier:
            last = earlier[-1][1]
            assert fees.max_fee * 8 >= last.max_fee * 9, "the fee cap is not raised by 12.5 %"
            assert fees.priority_fee * 8 >= last.priority_fee * 9, "the tip is not raised by 12.5 %"
            pure_cancel = (tx.to, tx.data, tx.value) == (WALLET, b"", 0)
            assert pure_cancel or tx == earlier[-1][0], "a replacement with another payload"
        earlier.append((tx, fees))
        return sign(nonce, tx, fees)

    async def sign_permit(self, typed_data: Any) -> bytes:
        raise AssertionError("nothing here needs a permit")

    async def send(self, raw: bytes, way: str) -> BroadcastReply:
        self._crash("committed")
        reply = await offer(self.chain, raw, 1.0)
        self._crash("sent")
        return reply

    def sent(self, intent: Intent, attempt: Attempt, answer: str) -> None:
        self._crash("marked")

    def settled(self, intent: Intent, settled: Settled, pnl_quote: int) -> None:
        pass

    def alarm(self, what: str, detail: str) -> None:
        self.alarms.append(what)

    def _crash(self, point: str) -> None:
        if self.crash_at == point:
            self.crash_at = ""
            raise Crash
