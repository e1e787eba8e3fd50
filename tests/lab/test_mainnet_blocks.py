"""Real blocks through the candidates' simulation: exact as the chain itself, honest where the record is silent."""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from eth_typing import HexAddress, HexStr
from web3.types import Nonce
from web3.utils.address import get_create_address

from lab.mainnet_blocks.benchmark import measure, measure_block
from lab.mainnet_blocks.creation import created_address
from lab.mainnet_blocks.real_block import block_folders, load_block, load_shared
from sentinel.core.errors import OperatorError
from tests.data import data_path

# London with many V3 swaps, the Merge's two sides, creations, Shanghai's creations, Cancun's first block, blobs
SIX = (13_217_637, 15_537_394, 15_752_489, 18_426_253, 19_426_587, 19_934_116)
SMALL = 19_934_116  # 58 transactions, one of type 3, a swap


async def test_six_real_blocks_come_out_as_they_really_did() -> None:
    """Status, gas, logs and return data of every transaction, the creations and all V2 and V3 swaps among them."""
    found = await measure(data_path("mainnet_blocks"), only=SIX)
    total = found["summary"]
    assert total["misses"] == {}
    assert total["exact"] == total["transactions"] == 1_554
    assert total["swap_transactions_exact"] == total["swap_transactions"] == 48
    assert total["swaps_v2_exact"] == total["swaps_v2"] > 0
    assert total["swaps_v3_exact"] == total["swaps_v3"] > 0
    assert total["creations"] == 8
    assert total["unknown_slots"] == 0
    for report in found["blocks"]:
        assert len(report["results"]) == report["transactions"]
        assert all(all(row[2:]) for row in report["results"])


Change = Callable[[Any], None]


@pytest.fixture
def block_copy(tmp_path: Path) -> Callable[..., Path]:
    """A folder with the small block alone, its files changed first."""

    def copy(**changes: Change) -> Path:
        source = data_path("mainnet_blocks")
        target = tmp_path / "blocks" / str(SMALL)
        target.mkdir(parents=True)
        for name in ("bytecodes.json.gz", "block_hashes.json"):
            shutil.copyfile(source / name, tmp_path / "blocks" / name)
        for name in ("block", "pre_state"):
            value = json.loads((source / str(SMALL) / f"{name}.json").read_text())
            changes.get(name, lambda value: None)(value)
            (target / f"{name}.json").write_text(json.dumps(value))
        value = json.loads(gzip.decompress((source / str(SMALL) / "expected_receipts.json.gz").read_bytes()))
        changes.get("receipts", lambda value: None)(value)
        (target / "expected_receipts.json").write_text(json.dumps(value))
        return tmp_path / "blocks"

    return copy


async def test_a_slot_that_the_record_lacks_is_reported_and_never_zero_in_silence(
    block_copy: Callable[..., Path],
) -> None:
    """It is named with the transaction that read it first, which then is no exact one, whatever came out."""
    gone: list[tuple[str, str]] = []

    def forget(state: Any) -> None:
        address = max(state, key=lambda address: len(state[address]["storage"]))
        slot = next(slot for slot, value in state[address]["storage"].items() if int(value, 16))
        del state[address]["storage"][slot]
        gone.append((address.lower(), f"0x{int(slot, 16):064x}"))

    found = await measure(block_copy(pre_state=forget))
    (report,) = found["blocks"]
    assert report["unknown_slots"] == [list(gone[0])]
    first = report["misses"][0]
    assert first["category"] == "unknown_slot"
    assert first["unknown"] == (gone[0],)
    assert not first["exact"]
    assert {miss["category"] for miss in report["misses"][1:]} <= {"after_unknown_slot", "refused"}


async def test_a_receipt_that_is_not_the_chains_is_found_out(block_copy: Callable[..., Path]) -> None:
    """One unit of gas, one byte of a log: each is a miss of its own transaction alone."""

    def change(receipts: Any) -> None:
        receipts[3]["gas_used"] += 1
        logging = next(receipt for receipt in receipts[10:] if receipt["logs"] and len(receipt["logs"][0]["data"]) > 2)
        data = logging["logs"][0]["data"]
        logging["logs"][0]["data"] = data[:-1] + ("0" if data[-1] != "0" else "1")

    found = await measure(block_copy(receipts=change))
    misses = found["blocks"][0]["misses"]
    assert len(misses) == 2
    assert (misses[0]["index"], misses[0]["gas"], misses[0]["logs"]) == (3, False, True)
    assert (misses[1]["gas"], misses[1]["logs"]) == (True, False)


async def test_a_transaction_that_the_node_refuses_is_set_aside_and_the_rest_goes_on() -> None:
    """Its sender cannot pay: it is a miss with the node's words, those before it and beside it are exact."""
    folder = data_path("mainnet_blocks")
    block = load_block(folder / str(SMALL), load_shared(folder))
    senders = [tx["from"].lower() for tx in block.transactions]
    place = next(i for i, sender in enumerate(senders) if i > 5 and senders.count(sender) == 1)
    poor = {**block.accounts, senders[place]: {**block.accounts[senders[place]], "balance": "0x1"}}
    report = await measure_block(replace(block, accounts=poor))
    assert report["misses"][0]["index"] == place
    assert report["misses"][0]["category"] == "refused"
    assert "funds" in report["misses"][0]["detail"].lower()
    assert report["exact"] == report["transactions"] - 1


def test_bad_folders_say_what_is_wrong(tmp_path: Path, block_copy: Callable[..., Path]) -> None:
    """No folder, no block, a file that is missing, cut off, or of another block: each names the file."""
    with pytest.raises(OperatorError, match="not a folder"):
        block_folders(tmp_path / "nowhere")
    with pytest.raises(OperatorError, match="holds no block"):
        block_folders(tmp_path)
    blocks = block_copy(receipts=lambda receipts: receipts[2].update(hash="0x00"))
    shelf = load_shared(blocks)
    one = blocks / str(SMALL)
    assert block_folders(one) == [one]
    assert load_shared(one) == shelf
    with pytest.raises(OperatorError, match="receipt 2 belongs to another transaction"):
        load_block(one, shelf)
    receipts = one / "expected_receipts.json"
    receipts.write_text(json.dumps([{**json.loads(receipts.read_text())[0], "hash": "0x00"}]))
    with pytest.raises(OperatorError, match="1 receipts for 58 transactions"):
        load_block(one, shelf)
    (one / "pre_state.json").write_text("{")
    with pytest.raises(OperatorError, match=r"pre_state\.json cannot be read"):
        load_block(one, shelf)
    (one / "pre_state.json").unlink()
    with pytest.raises(OperatorError, match=r"lacks pre_state\.json"):
        load_block(one, shelf)


def test_the_address_of_a_new_contract_follows_from_sender_and_nonce() -> None:
    """As in a well-known example (nonces 0 and 1), and for nonces of one, two and more bytes against the library's."""
    sender = "0x6ac7ea33f8831ea9dcc53393aaa88b25a785dbf0"
    assert created_address(sender, 0) == "0xcd234a471b72ba2f1ccf0a70fcaba648a5eecd8d"
    assert created_address(sender, 1) == "0x343c43a37d37dff08ae8c4a11544c718abb4fcf8"
    for nonce in (0x7F, 0x80, 0xFF, 0x100, 0x2DA5, 2**40):
        assert created_address(sender, nonce) == get_create_address(HexAddress(HexStr(sender)), Nonce(nonce)).lower()
