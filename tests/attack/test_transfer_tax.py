"""A listed token that switches on a transfer tax between simulation and inclusion: the wallet keeps what it has."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from eth_abi.abi import decode

from lab.bench.mined_effects import balances
from sentinel.config.limits import Limits
from sentinel.config.settings import load
from sentinel.core.actions import Swap
from sentinel.core.decision import Act
from sentinel.core.errors import SignerRefused
from sentinel.core.market_state import MarketState
from sentinel.core.network import NATIVE
from sentinel.core.simulation import Simulation, TxRequest
from sentinel.core.spent import Spent
from sentinel.core.transaction import Intent
from sentinel.decide.calldata import Malformed, RouterCall, decode_call
from sentinel.decide.policy import Policy
from sentinel.dex.quoting.quotes import quote_swap
from sentinel.market import Devnet
from sentinel.signing.router_call import read_call
from sentinel.signing.signer_limits import listed_pools
from tests.attack.taxed import tax
from tests.attack_tally import Tries
from tests.decide.plain_calldata import execute
from tests.dex.conftest import Desk, candidates, desk_on

pytestmark = pytest.mark.attack("a token that taxes its transfers", "contained")

TAXES = (10_000, 5_000, 100)  # bps
NOTHING = Spent(0, 0)
Commands = list[tuple[int, bytes]]


@pytest.fixture
async def desk(devnet: Devnet) -> AsyncIterator[Desk]:
    async with desk_on(devnet) as opened:
        yield opened


def halves(first: Swap, second: Swap) -> Swap:
    """A split of one trade over two pools; each gets half of the input."""
    return Swap((*first.routes, *second.routes), 2 * min(first.min_out, second.min_out), first.deadline)


def trades(desk: Desk, state: MarketState) -> dict[str, Swap]:
    """Every kind of trade on every venue; the circles are past the builder, since none of them pays here."""
    swap, route = desk.build.swap, desk.build.route
    until = state.head.timestamp + 100
    found = {
        "V2, bought": swap(state, "USDC", "WETH", 500, "v2"),
        "V3, bought": swap(state, "USDC", "WETH", 500, "v3-500"),
        "V4, bought": swap(state, "USDC", "WETH", 500, "v4-500"),
        "V3 and V4, bought": halves(
            swap(state, "USDC", "WETH", 450, "v3-500"), swap(state, "USDC", "WETH", 450, "v4-500")
        ),
        "V2, sold": swap(state, "WETH", "USDC", 0.2, "v2"),
        "V3, sold": swap(state, "WETH", "USDC", 0.2, "v3-500"),
        "V4, sold": swap(state, "WETH", "USDC", 0.2, "v4-500"),
        "V3 and V4, sold": halves(
            swap(state, "WETH", "USDC", 0.2, "v3-500"), swap(state, "WETH", "USDC", 0.2, "v4-500")
        ),
        "over two pools": route(state, ["WBTC", "WETH", "USDC"], 0.01, ["v3-3000", "v4-500"]),
        "for native coin": route(state, ["USDC", "WETH", "ETH"], 100, ["v4-500", "unwrap"]),
        "over two pools, for native coin": route(
            state, ["USDC", "WBTC", "WETH", "ETH"], 100, ["v3-3000", "v3-3000", "unwrap"]
        ),
        "with native coin": route(state, ["ETH", "WETH", "USDC"], 0.2, ["wrap", "v3-500"]),
        "wrapped": route(state, ["ETH", "WETH"], 0.3, ["wrap"]),
        "unwrapped": route(state, ["WETH", "ETH"], 0.3, ["unwrap"]),
    }
    past = {
        "a circle over V2 and V3": ("WETH/USDC-v2", "WETH/USDC-v3-500"),
        "a circle over V4 and V3": ("WETH/USDC-v4-500", "WETH/USDC-v3-3000"),
    }
    for name, pools in past.items():
        found[name] = desk.swap(*pools, token_in="WETH", amount=10**17, deadline=until)
    parts = [desk.swap(p, "unwrap", token_in="USDC", amount=10**8, deadline=until) for p in past[name]]
    found["V4 and V3, for native coin"] = Swap(tuple(part.routes[0] for part in parts), 1, until)
    for name, one in found.items():
        if one.min_out == 1:
            found[name] = replace(one, min_out=quote_swap(desk.network, state.pools, one) * 995 // 1000)
    return found


def symbols(swap: Swap) -> set[str]:
    legs = [leg for route in swap.routes for leg in route.legs]
    return {symbol for leg in legs for symbol in (leg.token_in, leg.token_out)} - {NATIVE}


async def after(desk: Desk, state: MarketState, tx: TxRequest, taxed: str, bps: int) -> tuple[bool, dict[str, int]]:
    """Whether the bytes succeed once the token taxes, and how the wallet's balances change, its gas apart."""
    rpc = desk.net.rpc
    snapshot = await rpc.call("evm_snapshot")
    try:
        await tax(rpc, desk.network.tokens[taxed].address, bps)
        before = await balances(desk)
        receipt = await desk.mined(await desk.send(tx, state.nonce))
        now = await balances(desk)
    finally:
        await rpc.call("evm_revert", snapshot)
    now[NATIVE] += int(receipt["gasUsed"], 16) * int(receipt["effectiveGasPrice"], 16)
    moved = {symbol: now[symbol] - before[symbol] for symbol in now if now[symbol] != before[symbol]}
    return int(receipt["status"], 16) == 1, moved


def unchecked(data: bytes, deadline: int, flag: int | None = None) -> bytes:
    """The bytes without their receipt check, or with a flag on it."""
    codes, inputs, _ = decode(["bytes", "bytes[]", "uint256"], data[4:])
    commands: Commands = list(zip(codes, inputs, strict=True))
    assert commands[-1][0] == 0x0E
    kept = [] if flag is None else [(0x0E | flag, commands[-1][1])]
    return execute([*commands[:-1], *kept], deadline)


def refused(desk: Desk, swap: Swap, tx: TxRequest) -> bool:
    """By the signer."""
    network = desk.network
    caps, wrapped = {token.address: 10**30 for token in network.tokens.values()}, network.tokens["WETH"].address
    own, router, pools = desk.account.address, network.universal_router, listed_pools(network)
    try:
        read_call(tx.data, own, router, caps, pools, wrapped=wrapped, value=swap.value)
    except SignerRefused:
        return True
    return False


async def test_no_tax_costs_the_wallet_anything(desk: Desk, tries: Tries) -> None:
    """Each trade passes policy and the signer and goes through; with a tax of any of its tokens it reverts."""
    state = await desk.state()
    limits = load(env_file=None, limits={"max_cost_bps": 1000}).limits  # some trades are of 100 USDC
    policy = Policy(desk.network, Limits.of(limits, desk.network))
    found = trades(desk, state)
    simulations = dict(zip(found, await desk.kit.simulate_all(state, candidates(*found.values())), strict=True))
    ballots, refusals = policy.screen([*simulations.values()], state, NOTHING)
    assert {refusal.rule for refusal in refusals} == {"min_out_price"}  # of the circles alone
    assert len(ballots) == len(found) - 2
    for name, swap in found.items():
        tx = await desk.kit.finalise(simulations[name], state, desk)
        assert not refused(desk, swap, tx), name
        for taxed in sorted(symbols(swap)):
            assert (await after(desk, state, tx, taxed, 0))[0], name
            for bps in TAXES:
                assert await after(desk, state, tx, taxed, bps) == (False, {}), (name, taxed, bps)
                tries.contained()


async def test_without_the_receipt_check_the_wallet_would_lose(desk: Desk) -> None:
    """V3, V4 and both at once let a tax through, V2 and the unwrapping do not; a check that may fail checks nothing,
    and neither reader lets it or a missing one pass. With the check, the simulation says why it reverts."""
    state = await desk.state()
    found = trades(desk, state)
    for name in ("V3, bought", "V4, bought", "V3 and V4, bought"):
        (simulation,) = await desk.kit.simulate_all(state, candidates(swap := found[name]))
        tx = await desk.kit.finalise(simulation, state, desk)
        for flag in (None, 0x80):
            bare = replace(tx, data=unchecked(tx.data, swap.deadline, flag))
            assert await after(desk, state, bare, "WETH", 10_000) == (True, {"USDC": -swap.amount_in}), name
            assert refused(desk, swap, bare)
            call = decode_call(bare.data)
            assert isinstance(call, Malformed if flag else RouterCall)
            assert flag or (isinstance(call, RouterCall) and call.receipt is None)
    (simulation,) = await desk.kit.simulate_all(state, candidates(swap := found["V2, bought"]))
    tx = await desk.kit.finalise(simulation, state, desk)
    bare = replace(tx, data=unchecked(tx.data, swap.deadline))
    assert await after(desk, state, bare, "WETH", 10_000) == (False, {})
    await tax(desk.net.rpc, desk.network.tokens["WETH"].address, 5_000)
    await desk.net.rpc.call("evm_mine")
    state = await desk.state()
    (simulation,) = await desk.kit.simulate_all(state, candidates(found["V4, bought"]))
    assert simulation.revert == "BalanceTooLow"


async def confirmed(desk: Desk, state: MarketState, simulation: Simulation, tx: TxRequest) -> set[str]:
    """The rules that refuse the final bytes at the newest head, which is later than `state`."""
    policy = Policy(desk.network, Limits.of(load(env_file=None).limits, desk.network))
    act, newest = Act(simulation, 5, 8, 5, 0), (await desk.state()).head
    intent = Intent("ab", act, tx, True, simulation.env, newest.timestamp + 60, newest.timestamp)
    results = await desk.kit.confirm(intent, newest, state)
    verdicts = policy.check(results, act, state, newest, NOTHING, newest.timestamp)
    return {verdict.rule for verdict in verdicts if not verdict.ok}


async def test_a_balance_that_changes_before_the_send_is_noticed(desk: Desk, tries: Tries) -> None:
    """What came in since the decision would count as received: policy refuses the bytes. What went out makes the check
    too strict: they revert in the simulation. With neither they pass."""
    state = await desk.state()
    swap = desk.build.swap(state, "USDC", "WETH", 500, "v4-500")
    (simulation,) = await desk.kit.simulate_all(state, candidates(swap))
    tx = await desk.kit.finalise(simulation, state, desk)
    slack = quote_swap(desk.network, state.pools, swap) - swap.min_out
    for change, rules in ((0, set()), (1, {"receipt_now"}), (-slack, set()), (-slack - 1, {"reverted", "realised"})):
        await desk.net.fund(desk.account.address, {"WETH": state.balances["WETH"] + change})
        await desk.net.rpc.call("evm_mine")
        refusing = await confirmed(desk, state, simulation, tx)
        assert rules <= refusing, change
        assert bool(rules) is bool(refusing), refusing
        tries.refused(bool(rules))
