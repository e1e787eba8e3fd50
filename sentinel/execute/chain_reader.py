"""Reads about the wallet's transactions: nonces, canonical receipts, finality, balance changes around a block."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from enum import Enum, auto
from typing import Any

from eth_utils.address import to_checksum_address

from sentinel.chain import replies
from sentinel.chain.chain_identity import KnownBlock, require_same
from sentinel.chain.multicall import Read, decode_aggregate3, encode_aggregate3
from sentinel.chain.replies import Reply
from sentinel.chain.rpc import Call, JsonRpc, quantity
from sentinel.core.errors import ChainMismatch, RpcError
from sentinel.core.market_state import Head
from sentinel.core.network import NATIVE, Address, HexHash, Network, Symbol
from sentinel.core.transaction import Attempt, Intent, Outcome, Settled
from sentinel.execute.nonce_user import user_of
from sentinel.execute.receipts import BlockAnswers, parse_receipt, together
from sentinel.execute.send_state import NonceUser, Receipt, Use

BALANCE_OF = bytes.fromhex("70a08231")  # balanceOf(address)
GET_ETH_BALANCE = bytes.fromhex("4d2301cc")  # Multicall3.getEthBalance(address)


class Finalized(Enum):
    """An endpoint's answer that names no finalized block."""

    NONE = auto()  # it has none: it does not know the tag, or its chain has no finality
    REFUSED = auto()  # it did not say


FinalAnswer = tuple[int | Finalized, tuple[HexHash, ...]]  # the newest finalized block number, and hashes of blocks


class ChainReader:
    """Reads only. Each method raises RpcError if no endpoint answers or an answer is malformed."""

    def __init__(
        self,
        rpc: JsonRpc,
        network: Network,
        wallet: Address,
        genesis: HexHash,
        known: Callable[[], KnownBlock | None] = lambda: None,
    ) -> None:
        """`known`: a settled block of the journal. It, or `genesis` while there is none, is read in the same batch as
        what a signature, a send or a reopened intent depends on (I30)."""
        self._first = KnownBlock(network.pinned_block or 0, genesis)
        self._settled = known
        self._rpc = rpc
        self._network = network
        self._wallet = wallet
        self._finality: dict[str, int | Finalized] = {}  # each endpoint's last answer about the finalized block
        self._kept: dict[HexHash, tuple[dict[Symbol, int], dict[Symbol, int]]] = {}  # block -> balances around it

    async def mined_nonce(self) -> tuple[int, int]:
        """The number of the wallet's mined transactions: (lowest, highest) of all endpoints.

        Each endpoint must prove in the same batch that it serves the right chain (I10). Raises ChainMismatch if none
        does.
        """
        nonces = await self._rpc.everywhere(self._mined_nonce)
        return min(nonces), max(nonces)

    async def _mined_nonce(self, rpc: JsonRpc) -> int:
        chain_id, block, nonce = await self._on_our_chain(
            rpc,
            ("eth_chainId", []),
            _read_of(self._first),
            ("eth_getTransactionCount", [self._wallet, "latest"]),
        )
        if quantity(chain_id) != self._network.chain_id:
            raise ChainMismatch(
                f"the endpoint serves chain {quantity(chain_id)}, not {self._network.name}'s {self._network.chain_id}"
            )
        if not isinstance(block, dict):  # pruned, or not synced yet: the chain may still be the right one
            raise RpcError(f"the endpoint does not have block {self._first.number}")
        require_same(block, self._first)
        return quantity(nonce, 63)

    async def look_up_receipts(self, hashes: Iterable[HexHash], head: Head, depth: int) -> BlockAnswers:
        """Receipts and nonces as BlockAnswers, merged over all endpoints that know the head.

        Nonces are read at fixed block numbers, so a block that is mined during the reads cannot make a nonce of the
        wallet's own transaction look like a foreign use.
        """
        tx_hashes = list(hashes)
        return together(await self._rpc.everywhere(lambda rpc: self._look(rpc, tx_hashes, head, depth)))

    async def _look(self, rpc: JsonRpc, tx_hashes: Sequence[HexHash], head: Head, depth: int) -> BlockAnswers:
        calls: list[Call] = [("eth_getTransactionReceipt", [tx_hash]) for tx_hash in tx_hashes]
        for number in (head.number, max(0, head.number - depth)):
            calls.append(("eth_getTransactionCount", [self._wallet, hex(number)]))
        *receipt_replies, nonce, deep_nonce = await self._on_our_chain(rpc, *calls)
        mined = {
            tx_hash: receipt
            for tx_hash, receipt in zip(tx_hashes, receipt_replies, strict=True)
            if isinstance(receipt, dict) and receipt.get("transactionHash") == tx_hash and receipt.get("blockHash")
        }
        unpriced = [tx_hash for tx_hash, receipt in mined.items() if receipt.get("effectiveGasPrice") is None]
        priced = await _all(rpc, *[("eth_getTransactionByHash", [tx_hash]) for tx_hash in unpriced]) if unpriced else []
        for tx_hash, tx in zip(unpriced, priced, strict=True):  # a mined transaction's gasPrice is the price it paid
            mined[tx_hash] = {
                **mined[tx_hash],
                "effectiveGasPrice": tx.get("gasPrice") if isinstance(tx, dict) else None,
            }
        blocks = await _all(rpc, *[("eth_getBlockByNumber", [r.get("blockNumber"), False]) for r in mined.values()])
        receipts = {
            tx_hash: parse_receipt(tx_hash, receipt, block if isinstance(block, dict) else {})
            for (tx_hash, receipt), block in zip(mined.items(), blocks, strict=True)
        }
        return receipts, quantity(nonce, 63), quantity(deep_nonce, 63)

    async def nonce_user(self, intent: Intent, attempts: Sequence[Attempt], head: Head) -> NonceUser:
        """Which transaction used the intent's nonce. Raises nothing: an endpoint that fails tells nothing.

        The balances around the block of ours are read now, because its receipt may come when they are pruned.
        """
        user = await user_of(self._rpc, self._wallet, intent, attempts, head)
        if user.use is Use.OURS and user.block_hash is not None and user.block_hash not in self._kept:
            with contextlib.suppress(RpcError):
                block, *_ = await self._rpc.everywhere(lambda rpc: _block(rpc, user.block_hash))
                around = await self._balances(HexHash(str(block["parentHash"]))), await self._balances(user.block_hash)
                self._kept = {user.block_hash: around}
        return user

    async def finalized(self, head: Head, depth: int, numbers: Iterable[int]) -> tuple[int | None, dict[int, HexHash]]:
        """Returns the newest block number that is final for all endpoints, and the hash of each block in `numbers`.

        If endpoints differ about a hash, the most frequent one counts. On a chain without finalized blocks (another
        consensus), the block `depth` below the head counts as final: if the last answer of every endpoint that was ever
        asked is that it has none. A refusal is no such answer: then the number is None, and nothing is final. Raises
        RpcError if no endpoint has all blocks.
        """
        unique_numbers = list(dict.fromkeys(numbers))

        async def ask(rpc: JsonRpc) -> FinalAnswer:
            name = next((name for name, _ in rpc.senders()), "")
            if not isinstance(self._finality.get(name), int):  # an endpoint that named a block once can do so
                self._finality[name] = Finalized.REFUSED
            answer = await self._finalized(rpc, unique_numbers)
            if not isinstance(self._finality[name], int) or isinstance(answer[0], int):
                self._finality[name] = answer[0]
            return answer

        answers = await self._rpc.everywhere(ask)
        by_block = zip(*(hashes for _, hashes in answers), strict=True)
        majority = [Counter(hashes).most_common(1)[0][0] for hashes in by_block]
        named = [final for final, _ in answers if isinstance(final, int)]
        final = min(head.number, *named) if named else None
        if all(last is Finalized.NONE for last in self._finality.values()):
            final = max(0, head.number - depth)
        return final, dict(zip(unique_numbers, majority, strict=True))

    async def _finalized(self, rpc: JsonRpc, numbers: Sequence[int]) -> FinalAnswer:
        calls: list[Call] = [("eth_getBlockByNumber", ["finalized", False])]
        calls += [("eth_getBlockByNumber", [hex(number), False]) for number in numbers]
        known = self._known
        finalized, *blocks = await rpc.batch([*calls, _read_of(known)])
        _require_known(blocks.pop(), known)
        hashes = []
        for block in blocks:
            if isinstance(block, RpcError):
                raise block
            if not isinstance(block, dict):  # the endpoint lags, or has pruned the block
                raise RpcError("the endpoint does not have a block that holds one of the wallet's transactions")
            hashes.append(HexHash(str(block.get("hash"))))
        if isinstance(finalized, RpcError):
            lacks = replies.classify(finalized) in (Reply.UNSUPPORTED, Reply.MISSING)
            return Finalized.NONE if lacks else Finalized.REFUSED, tuple(hashes)
        final = quantity(finalized["number"], 63) if isinstance(finalized, dict) and "number" in finalized else 0
        return final or Finalized.NONE, tuple(hashes)

    async def _on_our_chain(self, rpc: JsonRpc, *calls: Call) -> list[Any]:
        """As `_all`, with the known block in the same batch. Raises ChainMismatch if the endpoint has another one."""
        known = self._known
        results = await _all(rpc, *calls, _read_of(known))
        _require_known(results.pop(), known)
        return results

    @property
    def _known(self) -> KnownBlock:
        return self._settled() or self._first

    async def settlement_facts(
        self, intent_id: str, outcome: Outcome, receipt: Receipt, *, read: bool = True
    ) -> Settled:
        """The settlement of a mined attempt. Without `read` its balance changes are left out and only gas counts."""
        return Settled(
            intent_id=intent_id,
            outcome=outcome,
            tx_hash=receipt.tx_hash,
            block_number=receipt.block_number,
            gas_used=receipt.gas_used,
            gas_cost=receipt.gas_cost,
            realised=await self.realised(receipt) if read else {},
            block_hash=receipt.block_hash,
            unread=not read,
            mined_at=receipt.mined_at or None,
        )

    async def realised(self, receipt: Receipt) -> dict[Symbol, int]:
        """The wallet's balance changes over the receipt's block, in base units; its own gas is not in NATIVE (I13)."""
        kept = self._kept.get(receipt.block_hash)
        before, after = kept or (await self._balances(receipt.parent_hash), await self._balances(receipt.block_hash))
        changes = {symbol: after[symbol] - before[symbol] for symbol in after}
        changes[NATIVE] += receipt.gas_cost
        return {symbol: change for symbol, change in changes.items() if change}

    async def allowances(self, symbols: Iterable[Symbol]) -> dict[Symbol, int]:
        """The wallet's ERC-20 allowance for Permit2, in base units, at the newest block."""
        # Only a start calls this. The import takes most of a second, so the path that follows intents goes without it.
        from sentinel.chain.contract_calls import ERC20, answers, contract, web3

        w3, names = web3(self._rpc), list(symbols)
        pair = [to_checksum_address(self._wallet), to_checksum_address(self._network.permit2)]
        tokens = [contract(w3, self._network.tokens[symbol].address, ERC20) for symbol in names]
        amounts = await answers([token.functions.allowance(*pair) for token in tokens])
        if unread := [symbol for symbol, amount in zip(names, amounts, strict=True) if amount is None]:
            raise RpcError(f"the allowance of {', '.join(unread)} cannot be read")
        return dict(zip(names, amounts, strict=True))

    async def _balances(self, block: HexHash) -> dict[Symbol, int]:
        reads = [(token.address, BALANCE_OF + _word(self._wallet)) for token in self._network.tokens.values()]
        reads.append((self._network.multicall3, GET_ETH_BALANCE + _word(self._wallet)))
        # All endpoints are asked because one on another branch does not know this block.
        words, *_ = await self._rpc.everywhere(lambda rpc: self._read(rpc, reads, {"blockHash": block}))
        return dict(zip([*self._network.tokens, NATIVE], words, strict=True))

    async def _read(self, rpc: JsonRpc, reads: list[Read], block: dict[str, str]) -> list[int]:
        call = {"to": self._network.multicall3, "data": "0x" + encode_aggregate3(reads).hex()}
        returned = await rpc.call("eth_call", call, block)
        try:
            words = decode_aggregate3(bytes.fromhex(str(returned).removeprefix("0x")))
        except Exception as error:  # the ABI decoder raises many types; all mean a malformed reply
            raise RpcError(f"Multicall3 returned a malformed reply: {type(error).__name__}") from error
        if len(words) != len(reads) or any(word is None or len(word) != 32 for word in words):
            raise RpcError("Multicall3: a balance cannot be read")
        return [int.from_bytes(word or b"", "big") for word in words]


def _read_of(known: KnownBlock) -> Call:
    return ("eth_getBlockByNumber", [hex(known.number), False])


def _require_known(answer: object, known: KnownBlock) -> None:
    """Raises ChainMismatch if it is another block, RpcError if the endpoint does not have it."""
    if isinstance(answer, RpcError):
        raise answer
    if not isinstance(answer, dict):
        raise RpcError(f"the endpoint does not have block {known.number}, which this journal knows")
    require_same(answer, known)


async def _all(rpc: JsonRpc, *calls: Call) -> list[Any]:
    """The results of one batch, in order. Raises the first error among them."""
    results = await rpc.batch(list(calls))
    for result in results:
        if isinstance(result, RpcError):
            raise result
    return results


async def _block(rpc: JsonRpc, block_hash: HexHash | None) -> dict[str, Any]:
    block = await rpc.call("eth_getBlockByHash", block_hash, False)
    if not isinstance(block, dict) or "parentHash" not in block:
        raise RpcError(f"the endpoint does not have block {block_hash}")
    return block


def _word(address: Address) -> bytes:
    return bytes.fromhex(address.removeprefix("0x")).rjust(32, b"\0")
