"""A local market says on its chain which prices it follows, and the journal of a wallet on it keeps that."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

from sentinel.chain.market_prices import ADDRESS, published_prices
from sentinel.config.network_file import load_network
from sentinel.journal.journal import Journal
from sentinel.market import Devnet, PricePath
from sentinel.prices.bars import packaged

NETWORK = load_network("devnet")


async def test_whoever_is_connected_reads_which_prices_drive_the_market() -> None:
    """Recorded ones with their hash by default, synthetic ones with their seed; hostile text becomes one plain line."""
    async with Devnet.start() as net:
        text = await published_prices(net.rpc, NETWORK)
        assert text == net.market.source
        assert text is not None
        assert packaged().source.sha256 in text
        await net.market.step()
        assert await published_prices(net.rpc, NETWORK) == text
        elsewhere = dataclasses.replace(NETWORK, chain_id=1)
        assert await published_prices(net.rpc, elsewhere) is None
        await net.rpc.call("anvil_setCode", ADDRESS, "0x" + "synthetic\n\x1b[31m\u202e".encode().hex())
        assert await published_prices(net.rpc, NETWORK) == "synthetic ?[31m???"
        await net.rpc.call("anvil_setCode", ADDRESS, "0x")
        assert await published_prices(net.rpc, NETWORK) is None
    async with Devnet.start(prices=PricePath.synthetic(4)) as net:
        assert await published_prices(net.rpc, NETWORK) == "synthetic seed 4"
        assert net.market.price_source.as_json() == {"name": "synthetic", "seed": 4}


def test_the_journal_records_a_source_once(tmp_path: Path) -> None:
    """As a record of the chain, and again only if it is another one; a journal that was opened again knows it."""
    path = tmp_path / "journal.sqlite3"
    for text in ("synthetic seed 4", "synthetic seed 4", "own sha256 ab"):
        journal = Journal.open(path, NETWORK, "0x01", "0x" + "11" * 20)
        journal.chain.follow(text)
        assert journal.chain.prices == text
        journal.close()
    journal = Journal.open(path, NETWORK, None, None, read_only=True)
    notes = [json.loads(record.body) for record in journal._ledger.records() if record.kind == "note"]
    assert [note["prices"] for note in notes if "prices" in note] == ["synthetic seed 4", "own sha256 ab"]
    journal.verify()
    journal.close()
