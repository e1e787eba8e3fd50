"""The block environments of simulations: the expected next block, another next block, and a block a little later.

A contract that behaves well only inside a simulation has to tell a simulated block from a real one. So no value here
follows from what a contract, or its author, can know: what the chain does not give is drawn with a secret of this
process. Without overrides a simulator returns zero for BASEFEE, GASPRICE and PREVRANDAO, and real contracts branch on
those (docs/adr/0017-what-a-trade-must-show.md).
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import NamedTuple

from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from sentinel.core.market_state import Head
from sentinel.core.network import Address, HexHash, Network
from sentinel.core.simulation import SimEnv
from sentinel.core.transaction import Fees
from sentinel.core.units import COIN

# Never logged or recorded. The values that it makes are recorded, and keccak does not give it back.
_SALT = secrets.token_bytes(32)
REMEMBERED = 16  # recent heads
LATER = (3, 5)  # blocks above the next one: odd, so that the parity of the number differs too
RANDOM = 1 << 128  # a prevrandao below this is no random value but a constant or a difficulty of this chain


def drawn(head_hash: HexHash, label: bytes, salt: bytes = _SALT) -> bytes:
    """32 bytes that nobody can know who does not have the salt; the same for the same head and label."""
    return keccak(salt + bytes.fromhex(head_hash[2:]) + label)


class SkippedBlock(NamedTuple):
    """An empty block between the head and the simulated block."""

    env: SimEnv
    hash: HexHash | None  # what BLOCKHASH should answer for it; None: whatever the simulator answers


@dataclass(frozen=True, slots=True)
class Environment:
    """A block environment, and what the simulated state has besides the chain's."""

    env: SimEnv
    skipped: tuple[SkippedBlock, ...] = ()  # oldest first
    proposer_balance: int = 0  # wei for a proposer that does not exist on the chain; 0: as on the chain


class BlockEnvironments:
    """The environments upon each head. Values are the same for the same head, as long as no other head was seen."""

    def __init__(self, network: Network, salt: bytes = _SALT) -> None:
        self._network = network
        self._salt = salt
        self._heads: OrderedDict[HexHash, Head] = OrderedDict()

    def next_block(self, head: Head, nonce: int, fees: Fees) -> SimEnv:
        """The expected block upon `head`: one block time later, by the same proposer, with the head's base fee."""
        self._see(head)
        return SimEnv(
            nonce=nonce,
            max_fee=fees.max_fee,
            priority_fee=fees.priority_fee,
            parent_hash=head.hash,
            number=head.number + 1,
            timestamp=self._time(head, 1),
            base_fee=head.base_fee,
            gas_limit=head.gas_limit,
            coinbase=head.coinbase,
            prev_randao=head.prev_randao if self._repeats(head) else self._word(head, b"next"),
        )

    def final(self, head: Head, nonce: int, fees: Fees, deadline: int) -> tuple[Environment, Environment, Environment]:
        """The three environments in which final bytes are simulated. `deadline`: Unix seconds, of the transaction.

        They differ in everything that a contract can read of its block. In the first, nothing but base fee and
        prevrandao differs from the head's own values, and those only on a chain where they change.
        """
        usual = self.next_block(head, nonce, fees)
        if self._base_fee_moves(head):
            usual = replace(usual, base_fee=self._near(head, b"next", -64, 64, fees.max_fee))
        return Environment(usual), self._other_block(usual, head, deadline), self._later_block(usual, head, deadline)

    def _other_block(self, usual: SimEnv, head: Head, deadline: int) -> Environment:
        """Another block in the place of the next one: proposer, time and its parity, fee, gas limit, randomness.

        Its time is by the deadline if that leaves time for it, so that no trade is refused for its deadline alone.
        """
        latest = min(self._time(head, 3) + 1, deadline) - usual.timestamp
        proposer = self._other_proposer(head)
        balance = 0
        if proposer is None:
            proposer = to_checksum_address(self._digest(head, b"proposer")[12:])
            balance = COIN // 100 + self._draw(head, b"balance", 5 * COIN)
        return Environment(
            replace(
                usual,
                timestamp=usual.timestamp + max(1, latest - (latest + 1) % 2),  # an odd distance
                base_fee=self._near(head, b"other", 64, 128, usual.max_fee),
                gas_limit=usual.gas_limit - usual.gas_limit // (1024 + self._draw(head, b"gas limit", 7168)),
                coinbase=proposer,
                prev_randao=self._word(head, b"other"),
            ),
            proposer_balance=balance,
        )

    def _later_block(self, usual: SimEnv, head: Head, deadline: int) -> Environment:
        """A block some blocks later, by the deadline if it leaves time for one."""
        wanted = LATER[self._draw(head, b"later", len(LATER))]
        after = next((blocks for blocks in (wanted, *LATER) if self._time(head, 1 + blocks) <= deadline), 1)
        below, skipped = head.hash, []
        for number in range(1, after + 1):
            label = b"skipped %d" % number
            env = replace(
                usual,
                parent_hash=below,
                number=head.number + number,
                timestamp=self._time(head, number),
                base_fee=head.base_fee,
                prev_randao=self._word(head, label),
            )
            below = HexHash(self._word(head, label + b" hash"))
            skipped.append(SkippedBlock(env, below))
        later = replace(
            usual,
            number=head.number + 1 + after,
            timestamp=self._time(head, 1 + after),
            base_fee=self._near(head, b"later", 4, 160, usual.max_fee),
            prev_randao=self._word(head, b"later"),
        )
        return Environment(later, tuple(skipped))

    def _see(self, head: Head) -> None:
        self._heads[head.hash] = head
        while len(self._heads) > REMEMBERED:
            self._heads.popitem(last=False)

    def _other_proposer(self, head: Head) -> Address | None:
        """The proposer of the newest other head that another one proposed; None if there is none."""
        mine = head.coinbase.lower()
        return next((seen.coinbase for seen in reversed(self._heads.values()) if seen.coinbase.lower() != mine), None)

    def _repeats(self, head: Head) -> bool:
        """Whether this chain's blocks repeat prevrandao, as rollups do, or have no random one."""
        same = any(seen.prev_randao == head.prev_randao for seen in self._heads.values() if seen.hash != head.hash)
        return same or int(head.prev_randao, 16) < RANDOM

    def _base_fee_moves(self, head: Head) -> bool:
        return any(seen.base_fee != head.base_fee for seen in self._heads.values())

    def _time(self, head: Head, blocks: int) -> int:
        """The time of the block that is so many above the head. Each block is at least a second after its parent."""
        return head.timestamp + max(blocks, round(blocks * self._network.block_time))

    def _near(self, head: Head, label: bytes, low: int, high: int, max_fee: int) -> int:
        """A base fee from `low` to `high` 1,024ths above the head's, at least one wei above it if `low` is positive.

        It is as far below the head's where it would be above a `max_fee` that covers the head's: a legacy transaction
        offers little more than the base fee, and what a block cannot include says nothing of the trade.
        """
        share = low * 1024 + self._draw(head, label + b" fee", (high - low) * 1024)
        drawn_fee = max(head.base_fee + head.base_fee * share // 1024**2, head.base_fee + 1 if low > 0 else 0)
        mirrored = head.base_fee <= max_fee < drawn_fee
        return max(0, 2 * head.base_fee - drawn_fee) if mirrored else drawn_fee

    def _draw(self, head: Head, label: bytes, below: int) -> int:
        return int.from_bytes(self._digest(head, label)) % below

    def _word(self, head: Head, label: bytes) -> str:
        return "0x" + self._digest(head, label).hex()

    def _digest(self, head: Head, label: bytes) -> bytes:
        return drawn(head.hash, label, self._salt)
