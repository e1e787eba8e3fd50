"""What inclusion costs, from what others paid; and what a rollup says of its data fee."""

from __future__ import annotations

from typing import Any

import pytest
from eth_account import Account

from sentinel.chain.fee_market import BLOCKS, OP_ORACLE, InclusionPrice, data_fee_of, data_fee_reads, usual_tip
from sentinel.chain.heads import latest_head
from sentinel.chain.history import BlockCloses
from sentinel.chain.market_reader import MarketReader
from sentinel.core.errors import RpcError, Unavailable
from sentinel.core.gas import LARGE, SMALL
from sentinel.core.market_state import DataFee
from sentinel.core.network import NATIVE
from sentinel.core.units import GWEI
from sentinel.dex.venues.registry import READERS
from sentinel.market import Devnet
from tests.chains import BASE_FEE_SCALAR, BLOB_BASE_FEE, BLOB_BASE_FEE_SCALAR, L1_BASE_FEE, rollup, type_zero
from tests.core.test_gas import upper_bound
from tests.journal.values import HEAD, NETWORK

KEY = b"\x31" * 32
LACKS = RpcError("the method eth_feeHistory does not exist", code=-32601)


def history(*blocks: tuple[int, float]) -> dict[str, Any]:
    """Of (tip, share of the block that was used)."""
    return {"reward": [[hex(tip)] for tip, _ in blocks], "gasUsedRatio": [used for _, used in blocks]}


def test_the_tip_is_the_median_of_blocks_that_hold_something() -> None:
    """One block of bribes moves nothing, an empty block says nothing, and a chain of empty blocks asks for nothing."""
    assert usual_tip(history((3, 0.5), (1, 0.1), (10**12, 0.9), (0, 0.0), (0, 0.0))) == 3
    assert usual_tip(history((0, 0.0), (0, 0.0))) == 0


@pytest.mark.parametrize(
    "said", [None, {}, [], "0x1", {"reward": None, "gasUsedRatio": [1.0]}, {"reward": [["-0x1"]], "gasUsedRatio": [1]}]
)
def test_what_is_no_fee_history_is_none(said: Any) -> None:
    """Nonsense and nothing are told from a history of empty blocks."""
    assert usual_tip(said) is None


def test_a_node_without_history_is_asked_for_its_own_tip() -> None:
    """Then the floor; the cap holds over all of them."""
    bounds = InclusionPrice(NETWORK, floor=2 * GWEI, cap=9 * GWEI)
    assert bounds.price(HEAD, [history((5 * GWEI, 0.5)), hex(3 * GWEI)]) == 5 * GWEI
    assert bounds.price(HEAD, [LACKS, hex(3 * GWEI)]) == 3 * GWEI
    assert bounds.price(HEAD, [LACKS, LACKS]) == 2 * GWEI
    assert bounds.price(HEAD, [history((10**15, 0.5)), hex(3 * GWEI)]) == 9 * GWEI
    assert bounds.price(HEAD, [LACKS, hex(10**15)]) == 9 * GWEI


def test_a_refused_tip_is_not_the_floor() -> None:
    """A provider's limit says nothing about the market; only a node that serves neither method leaves the floor."""
    bounds = InclusionPrice(NETWORK, floor=2 * GWEI, cap=9 * GWEI)
    limit = RpcError("eth_feeHistory: over rate limit", code=-32016)
    assert bounds.price(HEAD, [limit, hex(3 * GWEI)]) == 3 * GWEI
    for replies in ([limit, limit], [limit, LACKS], [LACKS, limit]):
        with pytest.raises(RpcError, match="over rate limit"):
            bounds.price(HEAD, replies)


async def test_the_market_reads_what_was_really_paid(devnet: Devnet) -> None:
    """On real blocks in which most gas paid a tip of 3 gwei, that is the tip; the cap cuts it."""
    account = Account.from_key(KEY)
    await devnet.fund(account.address, {NATIVE: 10**20})
    for nonce in range(BLOCKS):
        fields = {"type": 2, "chainId": 31337, "nonce": nonce, "to": account.address, "value": 0, "gas": 2_000_000}
        fields |= {"maxFeePerGas": 900 * GWEI, "maxPriorityFeePerGas": 3 * GWEI, "data": b"\x01" * 40_000}
        raw = account.sign_transaction(fields).raw_transaction.hex()
        await devnet.rpc.call("eth_sendRawTransaction", "0x" + raw)
        await devnet.market.step()
    head = await latest_head(devnet.rpc)
    for cap, tip in ((None, 3 * GWEI), (2 * GWEI, 2 * GWEI)):
        reader = MarketReader(
            devnet.rpc, devnet.network, account.address, READERS, BlockCloses(5), max_priority_fee=cap
        )
        assert (await reader.read(head)).priority_fee == tip


async def test_a_legacy_network_is_read_by_its_gas_price() -> None:
    """The whole market, on blocks with a base fee; there is nothing to pay for data."""
    async with type_zero() as net:
        head, wallet = await latest_head(net.rpc), Account.from_key(KEY).address
        state = await MarketReader(net.rpc, net.network, wallet, READERS, BlockCloses(5)).read(head)
        told = int(await net.rpc.call("eth_gasPrice"), 16)
        assert state.priority_fee == max(told, -(-head.base_fee * 9 // 8))  # good for the next block, whatever it asks
        assert state.data_fee is None
        with pytest.raises(RpcError):
            InclusionPrice(net.network).price(head, [LACKS])


async def test_a_rollups_data_fee_is_what_its_oracle_says() -> None:
    """Two samples of the published GasPriceOracle, equal to the specification's formula; no operator's fee there."""
    async with rollup() as net:
        head, wallet = await latest_head(net.rpc), Account.from_key(KEY).address
        state = await MarketReader(net.rpc, net.network, wallet, READERS, BlockCloses(5)).read(head)
        price = 16 * BASE_FEE_SCALAR * L1_BASE_FEE + BLOB_BASE_FEE_SCALAR * BLOB_BASE_FEE
        small, large = upper_bound(SMALL, price), upper_bound(SMALL + LARGE, price)
        assert state.data_fee == DataFee(small, large - small, 0, 0)
        await net.rpc.call("anvil_setCode", OP_ORACLE, "0x00")
        with pytest.raises(Unavailable, match="getL1FeeUpperBound"):
            await MarketReader(net.rpc, net.network, wallet, READERS, BlockCloses(5)).read(head)


def test_an_operators_fee_counts_and_nonsense_is_refused() -> None:
    """Its constant and its part by gas; sizes that cost less when larger, and numbers beyond all money, are lies."""
    words = [number.to_bytes(32) for number in (10, 110, 7, 1_007)]
    assert data_fee_of(words) == DataFee(10, 100, 7, 1_000)
    assert data_fee_of([]) is None
    for wrong in ([words[1], words[0], None, None], [words[0], b"\xff" * 32, None, None], [words[0], None, None, None]):
        with pytest.raises(Unavailable):
            data_fee_of(wrong)
    with pytest.raises(Unavailable, match="malformed"):
        data_fee_of([words[0], words[1], words[3], words[2]])


def test_other_chains_are_asked_nothing_more() -> None:
    """No read of an oracle where the network file names no data fee."""
    assert data_fee_reads(NETWORK) == []
