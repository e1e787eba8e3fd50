"""Bytes that a broken toolkit might write about native coin, run on the real router: policy and signer refuse them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import pytest
from eth_account import Account

from sentinel.chain.heads import latest_head
from sentinel.chain.history import BlockCloses
from sentinel.chain.market_reader import MarketReader
from sentinel.config.limits import Limits
from sentinel.config.settings import load
from sentinel.core import gas
from sentinel.core.actions import Candidate, Swap
from sentinel.core.errors import SignerRefused
from sentinel.core.market_state import MarketState
from sentinel.core.network import NATIVE, Network
from sentinel.core.simulation import Simulation, TxRequest
from sentinel.core.spent import Spent
from sentinel.decide.policy import Policy
from sentinel.dex.building.action_builder import ActionBuilder
from sentinel.dex.simulating.batch_engine import simulate
from sentinel.dex.simulating.environment import BlockEnvironments
from sentinel.dex.simulating.fork import Fork
from sentinel.dex.simulating.trial import Grant, Trial
from sentinel.dex.venues.registry import VENUES
from sentinel.market import Devnet
from sentinel.signing.router_call import read_call
from sentinel.signing.signer_limits import listed_pools
from tests.decide.fair_market import ALL, MSG_SENDER, ROUTER, STRANGER
from tests.decide.plain_calldata import UNWRAP, WRAP, command, execute, leg, receipt_check, transfer

pytestmark = pytest.mark.attack("bytes that nobody should sign", "refused")

WALLET = Account.from_key(b"\x2d" * 32).address
PURSE = {"ETH": 5 * 10**18, "WETH": 40 * 10**18, "USDC": 80_000 * 10**6, "WBTC": 3 * 10**8}
PUT = 2 * 10**17  # wei
LITTLE = 10**9
SELL = leg("WETH/USDC-v3-500", "WETH", "USDC")
Commands = list[tuple[int, bytes]]


@dataclass(frozen=True)
class Desk:
    network: Network
    state: MarketState
    fork: Fork
    build: ActionBuilder

    async def run(self, action: Swap, commands: Commands, value: int) -> Simulation:
        """These commands as the bytes of this action; Permit2 lets the router take what the action would need."""
        fees = gas.offered(self.network, self.state.head, 10**9)
        env = BlockEnvironments(self.network).next_block(self.state.head, self.state.nonce, fees)
        token = self.network.tokens["WETH"].address
        tx = TxRequest(self.network.universal_router, execute(commands, action.deadline), value, 400_000)
        trial = Trial(Candidate(0, action, ""), tx, env, Grant(token, PUT, action.deadline, 0))
        async with self.fork.at(self.state.head) as rpc:
            (done,) = await simulate(
                rpc, self.network, WALLET, [trial], self.state.balances, self.state.balances[NATIVE]
            )
        return done


@pytest.fixture
async def desk(devnet: Devnet) -> AsyncIterator[Desk]:
    await devnet.fund(WALLET, PURSE)
    await devnet.allow_permit2(WALLET, {"WETH": 10**30})
    for _ in range(2):
        await devnet.market.step()
    reader = MarketReader(devnet.rpc, devnet.network, WALLET, VENUES, BlockCloses(50), min_priority_fee=10**9)
    state = await reader.read(await latest_head(devnet.rpc))
    async with Fork(devnet.network, devnet.rpc_url) as fork:
        yield Desk(devnet.network, state, fork, ActionBuilder(devnet.network))


def sell(least: int, recipient: str = MSG_SENDER, amount: int = ALL) -> tuple[int, bytes]:
    return command(SELL, recipient, amount, least, False)


def wrap(amount: int = PUT, recipient: str = ROUTER) -> tuple[int, bytes]:
    return command(WRAP, recipient, amount, 0, True)


def unwrap(recipient: str = MSG_SENDER, least: int = PUT) -> tuple[int, bytes]:
    return command(UNWRAP, recipient, ALL, least, False)


def check(state: MarketState, bought: str, swap: Swap) -> tuple[int, bytes]:
    least = state.balances[bought] + swap.min_out
    return receipt_check(swap, owner=WALLET, token=bought, least=least)


def selling(swap: Swap) -> dict[str, tuple[Commands, int]]:
    """Instead of: wrap PUT for the router, sell all of it. The first is that."""
    least = swap.min_out
    small = least // 2
    return {
        "as meant": ([wrap(), sell(least)], PUT),
        "more value than is wrapped": ([wrap(), sell(least)], PUT + LITTLE),
        "more is wrapped than sold": ([wrap(PUT + LITTLE), sell(least, amount=PUT)], PUT + LITTLE),
        "a part is sold": ([wrap(), sell(small, amount=PUT // 2)], PUT),
        "a part is wrapped": ([wrap(PUT // 2), sell(small)], PUT),
        "all that was sent is wrapped": ([wrap(ALL), sell(least)], PUT),
        "half for a stranger": ([wrap(PUT // 2, STRANGER), wrap(PUT // 2), sell(small)], PUT),
        "sold for a stranger": ([wrap(), sell(least, STRANGER)], PUT),
        "the wallet's own wrapped coin sold": ([command(SELL, MSG_SENDER, PUT, least, True)], 0),
        "the same with value beside it": ([command(SELL, MSG_SENDER, PUT, least, True)], PUT),
        "wrapped behind": ([command(SELL, MSG_SENDER, PUT, least, True), wrap()], PUT),
        "wrapped for the wallet": ([wrap(recipient=MSG_SENDER)], PUT),
        "taken and sold": ([transfer(PUT), sell(least)], 0),
        "taken for a stranger beside it": ([wrap(), sell(least), transfer(PUT, "WETH", STRANGER)], PUT),
        "taken and unwrapped for a stranger beside it": ([wrap(), sell(least), transfer(PUT), unwrap(STRANGER)], PUT),
    }


def unwrapping() -> dict[str, tuple[Commands, int]]:
    """Instead of: hand PUT of wrapped coin to the router, unwrap it for the wallet. The first is that."""
    return {
        "as meant": ([transfer(PUT), unwrap()], 0),
        "with value beside it": ([transfer(PUT), unwrap()], LITTLE),
        "for a stranger": ([transfer(PUT), unwrap(STRANGER)], 0),
        "handed to a stranger": ([transfer(PUT, "WETH", STRANGER)], 0),
        "handed to the router and left": ([transfer(PUT)], 0),
        "unwrapped and left": ([transfer(PUT), unwrap(ROUTER)], 0),
        "handed and sold for a stranger": ([transfer(PUT), sell(1, STRANGER)], 0),
        "less than was meant": ([transfer(PUT // 2), unwrap(least=PUT // 2)], 0),
        "for any output": ([transfer(PUT), unwrap(least=0)], 0),
    }


# what the signer, who knows no policy, lets through of them: whole trades of the wallet's own
SIGNED = ("as meant", "the wallet's own wrapped coin sold", "wrapped for the wallet", "less than was meant")


@pytest.mark.parametrize("kind", ["selling", "unwrapping"])
async def test_no_other_use_of_native_coin_comes_through(desk: Desk, kind: str) -> None:
    """The trade as meant is a ballot and is signed. Of all others, which the router itself would run, none is a ballot,
    and none is signed that gives to others, leaves something in the router, or sends along more than is wrapped."""
    build, state = desk.build, desk.state
    if kind == "selling":
        action = build.route(state, ["ETH", "WETH", "USDC"], "0.2", ["wrap", "v3-500"])
        ways = selling(action)
    else:
        action = build.route(state, ["WETH", "ETH"], "0.2", ["unwrap"])
        ways = unwrapping()
    policy = Policy(desk.network, Limits.of(load(env_file=None).limits, desk.network))
    caps = {token.address: 10**30 for token in desk.network.tokens.values()}
    router, wrapped = desk.network.universal_router, desk.network.tokens["WETH"].address
    ran = 0
    for name, (commands, value) in ways.items():
        done = await desk.run(action, commands, value)
        ran += done.revert is None
        if kind == "selling":  # the router ran it unchecked; both readers see the check that the trade as meant has
            bought = "WETH" if name == "wrapped for the wallet" else "USDC"
            commands = [*commands, check(state, bought, action)]
        assert done.tx is not None
        tx = replace(done.tx, data=execute(commands, action.deadline))
        done = replace(done, tx=tx)
        ballots, _ = policy.screen([replace(done, revert=None)], state, Spent(0, 0))
        assert bool(ballots) is (name == "as meant"), name
        signed = True
        try:
            read_call(tx.data, WALLET, router, caps, listed_pools(desk.network), wrapped=wrapped, value=value)
        except SignerRefused:
            signed = False
        assert signed is (name in SIGNED), name
    assert ran >= len(ways) - 2
