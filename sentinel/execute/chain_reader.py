"""What the chain shows about our transactions: nonces, receipts on the canonical chain, balances around a block."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from eth_utils.address import to_checksum_address

from sentinel.chain.multicall import Read, decode_aggregate3, encode_aggregate3
from sentinel.chain.rpc import Call, JsonRpc, quantity
from sentinel.core import gas
from sentinel.core.errors import ChainMismatch, RpcError
from sentinel.core.market_state import Head
from sentinel.core.network import NATIVE, Address, HexHash, Network, Symbol
from sentinel.core.transaction import Outcome, Settled
from sentinel.execute.send_state import Receipt

BALANCE_OF = bytes.fromhex("70a08231")  # balanceOf(address)
NO_JUDGEMENT = (None, 429, -32005)  # no answer of the node's own, or that it is asked too often
GET_ETH_BALANCE = bytes.fromhex("4d2301cc")  # Multicall3.getEthBalance(address)


BlockAnswers = tuple[dict[HexHash, Receipt], int, int]  # receipts, nonce at the head, nonce some blocks below it


class ChainReader:
    """Reads alone; each raises RpcError where no endpoint answers, or one answers nonsense."""

    def __init__(self, rpc: JsonRpc, network: Network, wallet: Address, genesis: HexHash) -> None:
        self._rpc = rpc
        self._network = network
        self._wallet = wallet
        self._genesis = genesis

    async def mined_nonce(self) -> tuple[int, int]:
        """The chain's count of our mined transactions: the lowest and the highest that an endpoint says.

        Each is asked whether it serves the right chain first (I10). Raises ChainMismatch where none does.
        """
        found = await self._rpc.everywhere(self._mined_nonce)
        return min(found), max(found)

    async def _mined_nonce(self, rpc: JsonRpc) -> int:
        anchor = hex(self._network.pinned_block or 0)
        chain_id, block, nonce = await _all(
            rpc,
            ("eth_chainId", []),
            ("eth_getBlockByNumber", [anchor, False]),
            ("eth_getTransactionCount", [self._wallet, "latest"]),
        )
        if quantity(chain_id) != self._network.chain_id:
            raise ChainMismatch(f"the endpoint serves chain {quantity(chain_id)}, {self._network.name} is another")
        if not isinstance(block, dict):  # pruned, or not there yet: it may be of the right chain
            raise RpcError(f"the endpoint does not show block {int(anchor, 16)}")
        if block.get("hash") != self._genesis:
            raise ChainMismatch(f"block {int(anchor, 16)} is not the one that this journal began on")
        return quantity(nonce, 63)

    async def look_up_receipts(self, hashes: Iterable[HexHash], head: Head, depth: int) -> BlockAnswers:
        """(receipts, nonce at the head, nonce `depth` blocks below it), of all endpoints that know the head.

        Nonces are read at fixed blocks: a block mined during the reads cannot make a used nonce look foreign.
        """
        wanted = list(hashes)
        return together(await self._rpc.everywhere(lambda rpc: self._look(rpc, wanted, head, depth)))

    async def _look(self, rpc: JsonRpc, wanted: Sequence[HexHash], head: Head, depth: int) -> BlockAnswers:
        calls: list[Call] = [("eth_getTransactionReceipt", [tx_hash]) for tx_hash in wanted]
        for number in (head.number, max(0, head.number - depth)):
            calls.append(("eth_getTransactionCount", [self._wallet, hex(number)]))
        *found, nonce, deep_nonce = await _all(rpc, *calls)
        mined = {
            tx_hash: receipt
            for tx_hash, receipt in zip(wanted, found, strict=True)
            if isinstance(receipt, dict) and receipt.get("transactionHash") == tx_hash and receipt.get("blockHash")
        }
        unpriced = [tx_hash for tx_hash, receipt in mined.items() if receipt.get("effectiveGasPrice") is None]
        priced = await _all(rpc, *[("eth_getTransactionByHash", [tx_hash]) for tx_hash in unpriced]) if unpriced else []
        for tx_hash, tx in zip(unpriced, priced, strict=True):  # of a mined transaction it is the price that was paid
            mined[tx_hash] = {
                **mined[tx_hash],
                "effectiveGasPrice": tx.get("gasPrice") if isinstance(tx, dict) else None,
            }
        blocks = await _all(rpc, *[("eth_getBlockByNumber", [r.get("blockNumber"), False]) for r in mined.values()])
        receipts = {
            tx_hash: _receipt(tx_hash, receipt, block if isinstance(block, dict) else {})
            for (tx_hash, receipt), block in zip(mined.items(), blocks, strict=True)
        }
        return receipts, quantity(nonce, 63), quantity(deep_nonce, 63)

    async def finalized(self, head: Head, depth: int, numbers: Iterable[int]) -> tuple[int, dict[int, HexHash]]:
        """(number of the newest block that is final for all endpoints, hash by number of the blocks asked for: what
        most of them show).

        A node that knows no finalized block (a chain of another consensus) counts `depth` blocks below the head. Raises
        RpcError where no endpoint has all of the blocks.
        """
        wanted = list(dict.fromkeys(numbers))
        found = await self._rpc.everywhere(lambda rpc: self._finalized(rpc, head, depth, wanted))
        hashes = [Counter(shown).most_common(1)[0][0] for shown in zip(*(shown for _, shown in found), strict=True)]
        return min(head.number, *(final for final, _ in found)), dict(zip(wanted, hashes, strict=True))

    async def _finalized(
        self, rpc: JsonRpc, head: Head, depth: int, wanted: Sequence[int]
    ) -> tuple[int, tuple[HexHash, ...]]:
        calls: list[Call] = [("eth_getBlockByNumber", ["finalized", False])]
        found, *blocks = await rpc.batch(calls + [("eth_getBlockByNumber", [hex(number), False]) for number in wanted])
        hashes = []
        for block in blocks:
            if isinstance(block, RpcError):
                raise block
            if not isinstance(block, dict):  # behind the head, or pruned: it cannot tell
                raise RpcError("the endpoint does not show a block that holds something of ours")
            hashes.append(HexHash(str(block.get("hash"))))
        if isinstance(found, RpcError) and found.code in NO_JUDGEMENT:
            raise found
        final = quantity(found["number"], 63) if isinstance(found, dict) and "number" in found else 0
        return final or max(0, head.number - depth), tuple(hashes)

    async def settlement_facts(
        self, intent_id: str, outcome: Outcome, receipt: Receipt, *, read: bool = True
    ) -> Settled:
        """`read`: what it brought, from the balances around its block; else that is left out, and the gas counts."""
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
        )

    async def realised(self, receipt: Receipt) -> dict[Symbol, int]:
        """The wallet's net change over the receipt's block, NATIVE without the transaction's own gas (I13)."""
        before, after = await self._balances(receipt.parent_hash), await self._balances(receipt.block_hash)
        changes = {symbol: after[symbol] - before[symbol] for symbol in after}
        changes[NATIVE] += receipt.gas_cost
        return {symbol: change for symbol, change in changes.items() if change}

    async def allowances(self, symbols: Iterable[Symbol]) -> dict[Symbol, int]:
        """ERC-20 allowance wallet -> Permit2, base units, at the newest block."""
        # Asked at starts alone, and what it loads takes most of a second: no part of the following of transactions.
        from sentinel.chain.contract_calls import ERC20, answers, contract, web3

        w3, wanted = web3(self._rpc), list(symbols)
        pair = [to_checksum_address(self._wallet), to_checksum_address(self._network.permit2)]
        tokens = [contract(w3, self._network.tokens[symbol].address, ERC20) for symbol in wanted]
        found = await answers([token.functions.allowance(*pair) for token in tokens])
        if unread := [symbol for symbol, amount in zip(wanted, found, strict=True) if amount is None]:
            raise RpcError(f"the allowance of {', '.join(unread)} cannot be read")
        return dict(zip(wanted, found, strict=True))

    async def _balances(self, block: HexHash) -> dict[Symbol, int]:
        reads = [(token.address, BALANCE_OF + _word(self._wallet)) for token in self._network.tokens.values()]
        reads.append((self._network.multicall3, GET_ETH_BALANCE + _word(self._wallet)))
        # Asked everywhere: an endpoint of another branch does not know this block.
        words, *_ = await self._rpc.everywhere(lambda rpc: self._read(rpc, reads, {"blockHash": block}))
        return dict(zip([*self._network.tokens, NATIVE], words, strict=True))

    async def _read(self, rpc: JsonRpc, reads: list[Read], block: dict[str, str]) -> list[int]:
        call = {"to": self._network.multicall3, "data": "0x" + encode_aggregate3(reads).hex()}
        returned = await rpc.call("eth_call", call, block)
        try:
            words = decode_aggregate3(bytes.fromhex(str(returned).removeprefix("0x")))
        except Exception as error:  # the ABI decoder has many errors; all mean the same here
            raise RpcError(f"Multicall3 answered nonsense: {type(error).__name__}") from error
        if len(words) != len(reads) or any(word is None or len(word) != 32 for word in words):
            raise RpcError("Multicall3: a balance cannot be read")
        return [int.from_bytes(word or b"", "big") for word in words]


def together(found: Sequence[BlockAnswers]) -> BlockAnswers:
    """One view of several endpoints' views of one head.

    A receipt counts from any endpoint whose own chain has its block; where they differ, the one that more of them have.
    Of the nonces the highest counts, so that none is ever used twice; of those below the head the lowest, so that a
    foreign use is believed only when nobody denies it.
    """
    told: dict[HexHash, list[Receipt]] = {}
    for seen, _, _ in found:
        for tx_hash, receipt in seen.items():
            told.setdefault(tx_hash, []).append(receipt)
    receipts = {tx_hash: _likeliest(those) for tx_hash, those in told.items()}
    return receipts, max(nonce for _, nonce, _ in found), min(deep for _, _, deep in found)


def _likeliest(told: Sequence[Receipt]) -> Receipt:
    blocks = Counter(receipt.block_hash for receipt in told)
    return max(told, key=lambda receipt: (receipt.canonical, blocks[receipt.block_hash]))


async def _all(rpc: JsonRpc, *calls: Call) -> list[Any]:
    """Every result of one batch; the first error is raised."""
    results = await rpc.batch(list(calls))
    for result in results:
        if isinstance(result, RpcError):
            raise result
    return results


def _receipt(tx_hash: HexHash, receipt: dict[str, Any], block: dict[str, Any]) -> Receipt:
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
        )
    except KeyError as error:
        raise RpcError(f"receipt of {tx_hash} lacks {error}") from error


def data_fee(receipt: Mapping[str, Any], gas_used: int) -> int:
    """Wei that an OP-stack chain took beside gas, by the fields that its receipts have more; 0 elsewhere.

    The operator's part is scaled otherwise since Jovian, which shows by the scalar that it brought.
    """
    fee, scalar, constant = (
        quantity(receipt.get(name) or "0x0", 128) for name in ("l1Fee", "operatorFeeScalar", "operatorFeeConstant")
    )
    jovian = receipt.get("daFootprintGasScalar") is not None
    return fee + constant + (gas_used * scalar * 100 if jovian else gas_used * scalar // 10**6)


def _word(address: Address) -> bytes:
    return bytes.fromhex(address.removeprefix("0x")).rjust(32, b"\0")
