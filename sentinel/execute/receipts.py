"""Receipts as nodes give them: parsed, and merged over several endpoints. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from sentinel.chain.rpc import quantity
from sentinel.core import gas
from sentinel.core.errors import RpcError
from sentinel.core.network import HexHash
from sentinel.execute.send_state import Receipt

# receipts by transaction hash, nonce at the head, nonce `depth` blocks below it
BlockAnswers = tuple[dict[HexHash, Receipt], int, int]


def together(answers: Sequence[BlockAnswers]) -> BlockAnswers:
    """Merge the answers of several endpoints about one head.

    A receipt counts if any endpoint has its block on its own chain. If endpoints differ, the receipt that most of them
    have counts. The highest nonce at the head counts, so that no nonce is used twice. The lowest nonce below the head
    counts, so that a foreign use is believed only if all endpoints agree on it.
    """
    reported: dict[HexHash, list[Receipt]] = {}
    for receipts, _, _ in answers:
        for tx_hash, receipt in receipts.items():
            reported.setdefault(tx_hash, []).append(receipt)
    likeliest = {tx_hash: _likeliest(candidates) for tx_hash, candidates in reported.items()}
    return likeliest, max(nonce for _, nonce, _ in answers), min(deep for _, _, deep in answers)


def _likeliest(receipts: Sequence[Receipt]) -> Receipt:
    """A canonical receipt if there is one, of the block that most endpoints name."""
    blocks = Counter(receipt.block_hash for receipt in receipts)
    return max(receipts, key=lambda receipt: (receipt.canonical, blocks[receipt.block_hash]))


def parse_receipt(tx_hash: HexHash, receipt: Mapping[str, Any], block: Mapping[str, Any]) -> Receipt:
    """A node's receipt, with the block that the node shows at its number. Raises RpcError if a field is missing."""
    try:
        gas_used = quantity(receipt["gasUsed"], 63)
        return Receipt(
            tx_hash=tx_hash,
            block_number=quantity(receipt["blockNumber"], 63),
            block_hash=HexHash(str(receipt["blockHash"])),
            parent_hash=HexHash(str(block.get("parentHash"))),
            canonical=block.get("hash") == receipt["blockHash"],
            succeeded=quantity(receipt["status"]) == 1,
            gas_used=gas_used,
            gas_cost=gas.cost(gas_used, quantity(receipt["effectiveGasPrice"], 128), data_fee(receipt, gas_used)),
            mined_at=quantity(block.get("timestamp") or "0x0", 48),
        )
    except KeyError as error:
        raise RpcError(f"receipt of {tx_hash} lacks {error}") from error


def data_fee(receipt: Mapping[str, Any], gas_used: int) -> int:
    """The data fee in wei, from the extra fields of an OP-stack receipt; 0 on other chains.

    The Jovian upgrade changed the scale of the operator's part. A receipt of after it has `daFootprintGasScalar`.
    """
    fee, scalar, constant = (
        quantity(receipt.get(name) or "0x0", 128) for name in ("l1Fee", "operatorFeeScalar", "operatorFeeConstant")
    )
    jovian = receipt.get("daFootprintGasScalar") is not None
    return fee + constant + (gas_used * scalar * 100 if jovian else gas_used * scalar // 10**6)
