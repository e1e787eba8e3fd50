"""Listed tokens that turn hostile, before the decision or after the signature: the wallet loses no more than its bound.

The bound of a trade is its least output: the wallet pays what it agreed to, receives at least that much, and no other
balance moves. A trade that reverts costs gas alone.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from lab.bench.mined_effects import balances
from sentinel.config.limits import Limits
from sentinel.config.settings import load
from sentinel.core.actions import Swap
from sentinel.core.decision import Act
from sentinel.core.errors import Unavailable
from sentinel.core.market_state import MarketState
from sentinel.core.network import NATIVE
from sentinel.core.simulation import Simulation, TxRequest
from sentinel.core.spent import Spent
from sentinel.core.transaction import Intent
from sentinel.decide.policy import Policy
from sentinel.market import Devnet
from tests.attack.hostile import Kind, turn
from tests.attack_tally import Tries
from tests.dex.conftest import Desk, candidates, desk_on

pytestmark = pytest.mark.attack("a hostile token", "refused")

NOTHING = Spent(0, 0)
BUY, SELL = ("USDC", "WETH", 500.0), ("WETH", "USDC", 0.2)
REVERTS, TRADES, UNREAD = "it reverts in the simulation", "it trades as agreed", "its balance cannot be read: Hold"


@dataclass(frozen=True)
class Hostile:
    """What Sentinel does with a token that is hostile before the decision."""

    kind: Kind
    value: int
    bought: str
    sold: str


E18 = 10**18
TOKENS = {
    "takes half a percent of each transfer": Hostile(Kind.FEE, 50, TRADES, REVERTS),
    "takes 5 % of each transfer": Hostile(Kind.FEE, 500, REVERTS, REVERTS),
    "takes half of each transfer": Hostile(Kind.FEE, 5_000, REVERTS, REVERTS),
    "shrinks all balances by a tenth at each transfer": Hostile(Kind.REBASE, 9 * E18 // 10, REVERTS, REVERTS),
    "grows all balances by a tenth at each transfer": Hostile(Kind.REBASE, 11 * E18 // 10, "plausible_gain", "paid"),
    "cannot be sold": Hostile(Kind.UNSELLABLE, 0, TRADES, REVERTS),
    "blocks the wallet": Hostile(Kind.BLOCKED, 0, REVERTS, REVERTS),
    "is paused": Hostile(Kind.PAUSED, 0, REVERTS, REVERTS),
    "says that it moved, and did not": Hostile(Kind.LYING_EVENT, 0, REVERTS, REVERTS),
    "returns false": Hostile(Kind.FALSE_UNMOVED, 0, REVERTS, REVERTS),
    "returns false and has moved": Hostile(Kind.FALSE_MOVED, 0, REVERTS, REVERTS),
    "returns nothing": Hostile(Kind.RETURNS_NOTHING, 0, TRADES, TRADES),
    "calls Permit2 for the wallet's USDC": Hostile(Kind.REENTERS, 0, TRADES, TRADES),
    "returns 100 kB": Hostile(Kind.RETURN_BOMB, 100_000, TRADES, TRADES),
    "returns 1 MB": Hostile(Kind.RETURN_BOMB, 1_000_000, REVERTS, REVERTS),
    "burns all gas": Hostile(Kind.GAS_BURNER, 0, REVERTS, REVERTS),
    "pays the wallet one half": Hostile(Kind.HALF_TO_OTHERS, 0, REVERTS, TRADES),
    "pays the wallet nothing": Hostile(Kind.PAYS_LATER, 0, REVERTS, TRADES),
    "takes all that the wallet has of it": Hostile(Kind.THIEF, 0, REVERTS, REVERTS),
    "reverts with markup and a prompt": Hostile(Kind.REVERT_TEXT, 0, REVERTS, REVERTS),
    "burns all gas when asked for a balance": Hostile(Kind.BALANCE_BOMB, 0, UNREAD, UNREAD),
    "has no balances": Hostile(Kind.BALANCE_REVERTS, 0, UNREAD, UNREAD),
}


@pytest.fixture
async def desk(devnet: Devnet) -> AsyncIterator[Desk]:
    async with desk_on(devnet) as opened:
        yield opened


def policy_of(desk: Desk) -> Policy:
    limits = load(env_file=None, limits={"max_cost_bps": 1000}).limits
    return Policy(desk.network, Limits.of(limits, desk.network))


async def turned(desk: Desk, token: Hostile) -> None:
    network = desk.network
    value = int(network.tokens["USDC"].address, 16) if token.kind is Kind.REENTERS else token.value
    await turn(desk.net.rpc, network.tokens["WETH"].address, token.kind, value, desk.account.address)


async def sent(desk: Desk, swap: Swap, tx: TxRequest, nonce: int) -> str:
    """How it went; fails if the wallet lost more than the bound of the trade."""
    before = await balances(desk)
    receipt = await desk.mined(await desk.send(tx, nonce))
    now = await balances(desk)
    moved = {
        symbol: now[symbol] - before[symbol] for symbol in now if symbol != NATIVE and now[symbol] != before[symbol]
    }
    if int(receipt["status"], 16) == 0:
        assert moved == {}
        return REVERTS
    assert set(moved) == {swap.token_in, swap.token_out}
    assert moved[swap.token_in] == -swap.amount_in
    assert moved[swap.token_out] >= swap.min_out
    return TRADES


async def decided(desk: Desk, policy: Policy, state: MarketState, swap: Swap) -> str | tuple[Simulation, TxRequest]:
    """The rule that refuses the swap, or its simulation and final bytes."""
    (tried,) = await desk.kit.simulate_all(state, candidates(swap))
    ballots, refusals = policy.screen([tried], state, NOTHING)
    if refusals:
        return REVERTS if refusals[0].rule == "reverted" else refusals[0].rule
    tx = await desk.kit.finalise(tried, state, desk)
    act = Act(ballots[0], 8, 8, 8, 0)
    intent = Intent("ab" * 16, act, tx, True, tried.env, swap.deadline, 0)
    confirmed = await desk.kit.confirm(intent, state.head, state)
    verdicts = policy.check(confirmed, act, state, state.head, NOTHING, float(state.head.timestamp))
    refused = [verdict.rule for verdict in verdicts if not verdict.ok]
    return ", ".join(refused) if refused else (tried, tx)


async def tried(desk: Desk, policy: Policy, trade: tuple[str, str, float], venue: str) -> str:
    """What Sentinel does with a trade now, from the reading of the market to the mined transaction."""
    try:
        state = await desk.state()
    except Unavailable:
        return UNREAD
    swap = desk.build.swap(state, *trade, venue)
    found = await decided(desk, policy, state, swap)
    return found if isinstance(found, str) else await sent(desk, swap, found[1], state.nonce)


async def test_a_token_that_is_hostile_before_the_decision_costs_no_more_than_the_bound(
    desk: Desk, tries: Tries
) -> None:
    rpc, policy = desk.net.rpc, policy_of(desk)
    for name, token in TOKENS.items():
        for trade, expected in ((BUY, token.bought), (SELL, token.sold)):
            snapshot = await rpc.call("evm_snapshot")
            try:
                await turned(desk, token)
                await rpc.call("evm_mine")
                ended = await tried(desk, policy, trade, "v3-500")
            finally:
                await rpc.call("evm_revert", snapshot)
            assert ended == expected, (name, trade)
            tries.contained() if ended == TRADES else tries.refused()


@pytest.mark.parametrize("venue", ["v2", "v4-500"])
async def test_on_the_other_venues_a_tax_and_a_lie_revert_too(desk: Desk, tries: Tries, venue: str) -> None:
    rpc, policy = desk.net.rpc, policy_of(desk)
    for name in ("takes 5 % of each transfer", "says that it moved, and did not", "pays the wallet nothing"):
        snapshot = await rpc.call("evm_snapshot")
        try:
            await turned(desk, TOKENS[name])
            await rpc.call("evm_mine")
            assert await tried(desk, policy, BUY, venue) == REVERTS, name
        finally:
            await rpc.call("evm_revert", snapshot)
        tries.refused()


async def test_a_token_that_turns_hostile_after_the_signature_costs_no_more_than_the_bound(
    desk: Desk, tries: Tries
) -> None:
    """The bytes are final when the token turns: they revert, or bring what was agreed."""
    rpc, policy = desk.net.rpc, policy_of(desk)
    state = await desk.state()
    for trade in (BUY, SELL):
        swap = desk.build.swap(state, *trade, "v3-500")
        found = await decided(desk, policy, state, swap)
        assert not isinstance(found, str)
        ended: dict[str, str] = {}
        for name, token in TOKENS.items():
            if token.kind in (Kind.BALANCE_BOMB, Kind.BALANCE_REVERTS, Kind.REBASE):
                continue  # balances are no longer comparable
            snapshot = await rpc.call("evm_snapshot")
            try:
                await turned(desk, token)
                ended[name] = await sent(desk, swap, found[1], state.nonce)
            finally:
                await rpc.call("evm_revert", snapshot)
            tries.contained()
        assert set(ended.values()) == {REVERTS, TRADES}
