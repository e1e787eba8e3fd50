"""A dry-run cycle on Ethereum's real contracts, in the state before a recorded block."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from eth_utils.crypto import keccak

from sentinel.chain import chain_identity
from sentinel.config.network_file import load_network
from sentinel.core.actions import Swap
from sentinel.core.decision import Act, Hold
from sentinel.core.errors import QuoteError, RpcError
from sentinel.core.market_state import V3State
from sentinel.core.network import NATIVE
from sentinel.dex.venues.registry import venue_of
from tests.config.networks.dry_run import quoted, run
from tests.config.networks.mainnet import ROUTER_1_2, started
from tests.config.networks.recorded import Recorded, all_codes, load
from tests.data import data_path

# What they carry: a V2 pair; a V3 pool; both, two fee tiers and a feed that answers; both, Permit2 and a router
CHOSEN = (12244000, 15537394, 15538827, 17666333)


def recorded(number: int) -> Recorded:
    return load(data_path("mainnet_blocks", str(number)))


@pytest.mark.parametrize("number", CHOSEN)
async def test_a_cycle_ends_in_a_dry_act(number: int, tmp_path: Path) -> None:
    """Read, proposed, simulated, voted, confirmed and journaled on real contracts; nothing is sent."""
    ran = await run(recorded(number), tmp_path)
    record, network = ran.record, ran.chain.network
    decision = record.decision
    assert isinstance(decision, Act), decision
    assert record.proposal is not None
    assert record.proposal.source == "oracle"
    assert (decision.votes, decision.asked, len(record.simulations)) == (8, 8, 8)
    assert record.verdicts
    assert all(verdict.ok for verdict in record.verdicts)
    assert ran.journaled == record
    assert (ran.states, ran.nonce) == (["dry"], 0)

    # the real contracts pay what our arithmetic gave for the recorded slots, so no unknown slot had a say
    action, deltas = decision.simulation.candidate.action, decision.simulation.deltas
    assert isinstance(action, Swap)
    assert deltas[network.quote] == quoted(ran, action) >= action.min_out
    assert deltas["WETH"] == -action.amount_in


async def test_newer_blocks_bring_their_own_router_and_permit2(tmp_path: Path) -> None:
    """Where the block carries them, Universal Router 1.2 and Permit2 are mainnet's own code, not the packages'."""
    async with started(recorded(17666333), {}, tmp_path) as chain:
        assert chain.network.universal_router == ROUTER_1_2
        assert not {"Universal Router", "Permit2"} & set(chain.put_in)
        codes = all_codes(data_path("mainnet_blocks"))
        for address in (ROUTER_1_2, chain.network.permit2):
            code = bytes.fromhex((await chain.rpc.call("eth_getCode", address, "latest"))[2:])
            assert "0x" + keccak(code).hex() in codes


async def test_a_real_feed_is_left_in_its_place(tmp_path: Path) -> None:
    """Where the block's slots let Chainlink's feed answer, it prices WETH, in USD divided by the quote's feed."""
    block = recorded(15538827)
    async with started(block, {}, tmp_path) as chain:
        assert not [what for what in chain.put_in if "WETH feed" in what]
        state = await chain.market(block).read(chain.head)
        price = state.reference["WETH"].answer / 10 ** state.reference["WETH"].decimals
        assert price == pytest.approx(state.prices["WETH"], rel=0.005)


async def test_unknown_ticks_are_no_empty_ticks(tmp_path: Path) -> None:
    """A trade that would leave the recorded ticks cannot be built, though zeroed slots would let it pass: it holds."""
    block, size = recorded(15537394), 5_000_000
    ran = await run(block, tmp_path, size=size)
    decision, state = ran.record.decision, ran.record.state
    assert isinstance(decision, Hold)
    assert (decision.reason, decision.votes) == ("no_majority", 0)
    assert ran.record.proposal is not None
    assert [one.reason for one in ran.record.proposal.discarded] == ["unbuildable"] * 8
    assert (ran.states, ran.nonce) == ([], 0)

    assert state is not None
    name = "WETH/USDC-v3-500"
    pool, amount = ran.chain.network.pools[name], round(size / state.prices["WETH"] * 10**18)
    known = state.pools[name]
    assert isinstance(known, V3State)
    assert known.tick_high - known.tick_low < 256 * pool.tick_spacing  # cut inside a word, at ticks that are unlisted
    with pytest.raises(QuoteError, match="beyond the ticks"):
        venue_of(pool).quote_in(pool, known, "WETH", amount)
    unguarded = replace(known, tick_low=known.tick_low - 2560, tick_high=known.tick_high + 2560)
    assert venue_of(pool).quote_in(pool, unguarded, "WETH", amount) > 0


async def test_chain_id_1_alone_is_not_ethereum(tmp_path: Path) -> None:
    """The shipped file refuses a chain that has Ethereum's id but not its pinned block."""
    async with started(recorded(17666333), {NATIVE: 1}, tmp_path) as chain:
        with pytest.raises(RpcError, match="does not know block 19934116"):
            await chain_identity.require_chain(chain.rpc, load_network("ethereum"))
