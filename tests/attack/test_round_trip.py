"""Tokens that can be bought and not sold again, or for little: outside the trusted list they are not bought (I16)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import pytest

from sentinel.config.limits import Limits, LimitSettings
from sentinel.core.actions import Swap
from sentinel.core.decision import Act
from sentinel.core.network import NATIVE, Address
from sentinel.core.spent import Spent
from sentinel.core.transaction import Intent
from sentinel.decide.policy import Policy
from sentinel.dex.toolkit import DexToolkit
from sentinel.market import Devnet
from tests.attack import detectors
from tests.attack_tally import Tries
from tests.dex.conftest import Desk, candidates, desk_on

pytestmark = pytest.mark.attack("a token that cannot be sold again", "refused")

PERMIT2: Address = "0x000000000022D473030F116dDEE9F6B43aC78BA3"


@dataclass(frozen=True)
class Market:
    desk: Desk
    kit: DexToolkit
    policy: Policy

    async def bought(self, swap: Swap) -> tuple[list[str], int | None]:
        """What refused the final bytes, and what the simulated sale returned."""
        state = await self.desk.state()
        (tried,) = await self.kit.simulate_all(state, candidates(swap))
        ballots, refusals = self.policy.screen([tried], state, Spent(0, 0))
        assert refusals == ()
        decision = Act(ballots[0], 8, 8, 8, 0)
        tx = await self.kit.finalise(tried, state, self.desk)
        intent = Intent("ab" * 16, decision, tx, True, tried.env, swap.deadline, 0)
        confirmed = await self.kit.confirm(intent, state.head, state)
        verdicts = self.policy.check(confirmed, decision, state, state.head, Spent(0, 0), float(state.head.timestamp))
        return [verdict.rule for verdict in verdicts if not verdict.ok], confirmed[0].sold_back

    async def swap(self, token: str = "WBTC", venue: object = "v3-3000") -> Swap:
        return self.desk.build.swap(await self.desk.state(), "USDC", token, 250, venue)


@pytest.fixture
async def market(devnet: Devnet) -> AsyncIterator[Market]:
    """WBTC is listed, and the operator does not trust it. Nothing allows Permit2 to take it."""
    trusting = LimitSettings(trusted_tokens=("WETH",), min_gas_reserve_eth=0.01)
    limits = Limits.of(trusting, devnet.network)
    assert limits.trusted == {"WETH", "USDC"}
    async with desk_on(devnet) as desk:
        await devnet.allow_permit2(desk.account.address, {"WBTC": 0})
        kit = DexToolkit(devnet.network, desk.fork, trusted=limits.trusted)
        yield Market(desk, kit, Policy(devnet.network, limits))


async def test_what_can_be_sold_again_is_bought(market: Market) -> None:
    """For the fees of both ways: from USDC and from native coin, over one pool and two, by an old allowance or none."""
    refused, returned = await market.bought(await market.swap())
    assert refused == []
    assert returned is not None
    assert 250 * 10**6 * 985 // 1000 < returned < 250 * 10**6 * 995 // 1000
    state = await market.desk.state()
    native = market.desk.build.route(state, [NATIVE, "WETH", "WBTC"], "0.1", ["wrap", "v3-3000"])
    refused, returned = await market.bought(native)
    assert refused == []
    assert returned is not None
    assert 10**17 * 985 // 1000 < returned < 10**17 * 995 // 1000
    await market.desk.net.allow_permit2(market.desk.account.address, {"WBTC": 1})
    await market.desk.net.rpc.call("evm_mine")
    assert (await market.bought(await market.swap()))[0] == []
    trusted, returned = await market.bought(await market.swap("WETH", ["v3-500", "v2"]))
    assert (trusted, returned) == ([], None)


@pytest.mark.parametrize("kind", ["sales revert", "sales are taxed", "approvals revert"])
async def test_what_cannot_be_sold_again_is_not_bought(market: Market, kind: str, tries: Tries) -> None:
    """The purchase alone is in order, in every environment: only the sale shows what the token is."""
    code = {
        "sales revert": detectors.stuck(PERMIT2),
        "sales are taxed": detectors.stuck(PERMIT2, tenths=1),
        "approvals revert": detectors.unapproved(),
    }[kind]
    await detectors.put(market.desk.net.rpc, market.desk.network, "WBTC", code)
    refused, returned = await market.bought(await market.swap())
    assert refused == ["round_trip"]
    assert returned == 0 or kind == "sales are taxed"
    trusting = replace(market.policy.limits, trusted=frozenset({"WETH", "USDC", "WBTC"}))
    assert (await replace(market, policy=Policy(market.desk.network, trusting)).bought(await market.swap()))[0] == []
    tries.refused()


async def test_a_toolkit_that_trusts_more_than_policy_buys_nothing(market: Market) -> None:
    """Without a simulated sale there is nothing to judge by."""
    kit = DexToolkit(market.desk.network, market.desk.fork)
    assert await replace(market, kit=kit).bought(await market.swap()) == (["round_trip"], None)
