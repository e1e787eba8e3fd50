"""The block environments of simulations: the expected next block, and a second one that differs from it. Pure.

Without overrides a simulator returns zero for BASEFEE, GASPRICE and PREVRANDAO, and real contracts branch on those.
"""

from __future__ import annotations

from dataclasses import replace

from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from sentinel.core.market_state import Head
from sentinel.core.network import Network
from sentinel.core.simulation import SimEnv
from sentinel.core.transaction import Fees


def next_block(network: Network, head: Head, nonce: int, fees: Fees) -> SimEnv:
    """The expected block upon `head`: one block time later, by the same proposer.

    Its base fee is that of the head. The real one may differ by an eighth; `other_block` covers the upper end.
    """
    return SimEnv(
        nonce=nonce,
        max_fee=fees.max_fee,
        priority_fee=fees.priority_fee,
        parent_hash=head.hash,
        number=head.number + 1,
        timestamp=head.timestamp + max(1, round(network.block_time)),
        base_fee=head.base_fee,
        gas_limit=head.gas_limit,
        coinbase=head.coinbase,
        prev_randao="0x" + keccak(b"next" + bytes.fromhex(head.hash[2:])).hex(),
    )


def other_block(network: Network, head: Head, nonce: int, fees: Fees) -> SimEnv:
    """Another block upon `head` with all else that a contract can read: proposer, time and parity, fee, randomness."""
    usual = next_block(network, head, nonce, fees)
    return replace(
        usual,
        timestamp=usual.timestamp + 2 * max(1, round(network.block_time)) + 1,
        base_fee=usual.base_fee + max(1, usual.base_fee // 8),
        gas_limit=usual.gas_limit - usual.gas_limit // 2048,
        coinbase=to_checksum_address(keccak(b"proposer" + bytes.fromhex(head.hash[2:]))[12:]),
        prev_randao="0x" + keccak(b"other" + bytes.fromhex(head.hash[2:])).hex(),
    )
