"""A chain in a few lines, for tests that need thousands of them: one wallet, geth's pool rules, reorgs, other hands.

Real chains stand in the other tests of this folder. It answers JSON-RPC as a node does and never waits, so the real
executor runs on it without an event loop.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from eth_abi.abi import encode

from sentinel.core.errors import RpcError
from sentinel.core.market_state import Head
from sentinel.core.network import HexHash, Network
from sentinel.core.simulation import TxRequest
from sentinel.core.transaction import Fees
from sentinel.core.units import GWEI
from sentinel.signing.signer import SignedTx
from tests.execute.rig import Alone

T = TypeVar("T")
WALLET = "0x00000000000000000000000000000000000000aA"
ROUTER = "0x00000000000000000000000000000000c0dEc0DE"
MINER = "0x" + "00" * 20
BLOCK_SECONDS = 12
FINAL_DEPTH = 8  # blocks; no reorg goes below
_RAISE = 110  # % of both caps that the pool asks of a replacement


@dataclass(frozen=True, slots=True)
class Tx:
    tx_hash: str
    nonce: int
    to: str
    tag: int  # of a trade; 0 for anything else
    deadline: int
    max_fee: int
    tip: int
    ours: bool = True


@dataclass(frozen=True, slots=True)
class Block:
    number: int
    hash: str
    parent: str
    timestamp: int
    base_fee: int
    nonce: int  # the wallet's, after this block
    tx: Tx | None


def sign(nonce: int, tx: TxRequest, fees: Fees) -> SignedTx:
    """Bytes that `ModelChain` reads; they stand for a signature."""
    raw = json.dumps([nonce, tx.to, tx.data.hex(), fees.max_fee, fees.priority_fee]).encode()
    return SignedTx(raw, HexHash("0x" + hashlib.sha256(raw).hexdigest()))


def payload(tag: int, deadline: int) -> bytes:
    return json.dumps([tag, deadline]).encode()


class ModelChain(Alone):
    """`blocks` is the canonical chain. Faults are switched on for the next send by `deaf` and `mute`."""

    def __init__(self, network: Network) -> None:
        self.blocks = [Block(0, "0x" + "00" * 32, "", 1_000_000, 10 * GWEI, 0, None)]
        self.pool: dict[int, Tx] = {}
        self.known: dict[str, Tx] = {}  # all that was ever offered, by hash: other nodes may still have it
        self.strangers: list[Tx] = []  # others' uses of the key, which they send again after a reorg
        self.base_fee = 10 * GWEI
        self.deaf = False  # the next send does not arrive
        self.mute = False  # the next send arrives, its reply does not
        self._chain_id = network.chain_id
        self._forks = 0
        reads = len(network.tokens) + 1
        self._balances = "0x" + encode(["(bool,bytes)[]"], [[(True, bytes(32))] * reads]).hex()

    # ---------------------------------------------------------------- what happens

    @property
    def tip(self) -> Block:
        return self.blocks[-1]

    def head(self) -> Head:
        b = self.tip
        return Head(b.number, HexHash(b.hash), HexHash(b.parent), b.timestamp, b.base_fee, 30_000_000, MINER, "0x00")

    def mine(self, now: int, tx: Tx | None = None) -> None:
        """One block, with this transaction of the wallet where it fits; a stranger that waits for its turn is first."""
        last = self.tip
        tx = next((stranger for stranger in self.strangers if stranger.nonce == last.nonce), tx)
        fits = tx is not None and tx.nonce == last.nonce and tx.max_fee >= self.base_fee
        added, nonce = (tx, last.nonce + 1) if fits else (None, last.nonce)
        text = f"{last.hash} {last.number} {self._forks} {added.tx_hash if added else ''}"
        digest = "0x" + hashlib.sha256(text.encode()).hexdigest()
        at = max(last.timestamp + 1, now)
        self.blocks.append(Block(last.number + 1, digest, last.hash, at, self.base_fee, nonce, added))
        self.pool = {n: tx for n, tx in self.pool.items() if n >= nonce}

    def waiting(self) -> Tx | None:
        """What the pool would have mined next."""
        return self.pool.get(self.tip.nonce)

    def offered(self) -> list[Tx]:
        """Every transaction that could be mined next, dropped and outbid ones among them."""
        return [tx for tx in self.known.values() if tx.nonce == self.tip.nonce]

    def reorg(self, depth: int, *, repool: bool) -> None:
        """Other blocks in place of the last ones, and one more."""
        depth = min(depth, len(self.blocks) - 1, FINAL_DEPTH - 1)
        gone, self.blocks = self.blocks[len(self.blocks) - depth :], self.blocks[: len(self.blocks) - depth]
        self._forks += 1
        for block in gone:
            if block.tx is not None and block.tx.ours and repool:
                self.pool[block.tx.nonce] = block.tx
            self.mine(block.timestamp)
        self.mine(self.tip.timestamp + 1)

    def foreign(self, now: int) -> None:
        """Somebody else uses the key."""
        stranger = Tx(f"0x{self._forks:032x}{self.tip.number:032x}", self.tip.nonce, MINER, 0, 0, 10**15, 1, ours=False)
        self.strangers.append(stranger)
        self.mine(now)

    def effects(self) -> dict[int, int]:
        """How often each tag took effect on the canonical chain."""
        counts: dict[int, int] = {}
        for block in self.blocks:
            if (tx := block.tx) is not None and tx.tag and block.timestamp <= tx.deadline:
                counts[tx.tag] = counts.get(tx.tag, 0) + 1
        return counts

    # ---------------------------------------------------------------- what a node answers

    async def call(self, method: str, *params: Any, timeout: float | None = None) -> Any:
        return self._answer(method, params)

    async def batch(self, calls: Sequence[tuple[str, Sequence[Any]]], timeout: float | None = None) -> list[Any]:
        return [self._answer(method, params) for method, params in calls]

    def _answer(self, method: str, params: Sequence[Any]) -> Any:
        match method:
            case "eth_chainId":
                return hex(self._chain_id)
            case "eth_blockNumber":
                return hex(self.tip.number)
            case "eth_getBlockByNumber":
                return self._block(params[0], whole=params[1])
            case "eth_getBlockByHash":
                return next((self._block(hex(b.number)) for b in self.blocks if b.hash == params[0]), None)
            case "eth_getTransactionCount":
                return hex(self.tip.nonce if params[1] == "latest" else self.blocks[int(params[1], 16)].nonce)
            case "eth_getTransactionReceipt":
                return self._receipt(params[0])
            case "eth_getTransactionByHash":
                return (found := self._receipt(params[0])) and {"hash": params[0], "blockHash": found["blockHash"]}
            case "eth_call":
                return self._balances
            case "eth_sendRawTransaction":
                return self._take(bytes.fromhex(params[0][2:]))
        raise AssertionError(f"the model has no {method}")

    def _block(self, which: str, *, whole: bool = False) -> dict[str, Any] | None:
        number = max(0, self.tip.number - FINAL_DEPTH) if which == "finalized" else int(which, 16)
        if number >= len(self.blocks):
            return None
        b = self.blocks[number]
        block = {"number": hex(number), "hash": b.hash, "parentHash": b.parent, "timestamp": hex(b.timestamp)}
        sent = [{"hash": b.tx.tx_hash, "from": WALLET, "nonce": hex(b.tx.nonce)}] if b.tx is not None else []
        return {**block, "transactions": sent} if whole else block

    def _receipt(self, tx_hash: str) -> dict[str, str] | None:
        for b in reversed(self.blocks):
            if b.tx is not None and b.tx.tx_hash == tx_hash:
                return {
                    "transactionHash": tx_hash,
                    "blockHash": b.hash,
                    "blockNumber": hex(b.number),
                    "status": hex(not b.tx.tag or b.timestamp <= b.tx.deadline),
                    "gasUsed": hex(50_000),
                    "effectiveGasPrice": hex(b.base_fee + b.tx.tip),
                }
        return None

    def _take(self, raw: bytes) -> str:
        deaf, mute, self.deaf, self.mute = self.deaf, self.mute, False, False
        if deaf:
            raise RpcError("connection reset")
        answer = self._judge(raw)
        if mute:
            raise RpcError("connection reset")
        if isinstance(answer, RpcError):
            raise answer
        return answer

    def _judge(self, raw: bytes) -> str | RpcError:
        nonce, to, data, max_fee, tip = json.loads(raw)
        tag, deadline = json.loads(bytes.fromhex(data)) if data else (0, 0)
        tx = Tx("0x" + hashlib.sha256(raw).hexdigest(), nonce, to, tag, deadline, max_fee, tip)
        if nonce < self.tip.nonce:
            return RpcError("nonce too low", code=-32000)
        if (old := self.pool.get(nonce)) is not None:
            if old.tx_hash == tx.tx_hash:
                return RpcError("already known", code=-32000)
            if max_fee * 100 < old.max_fee * _RAISE or tip * 100 < old.tip * _RAISE:
                return RpcError("replacement transaction underpriced", code=-32000)
        self.pool[nonce] = self.known[tx.tx_hash] = tx
        return tx.tx_hash
