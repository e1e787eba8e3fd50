"""Every shape of a trade on the real router: simulated, mined and broadcast to one effect, and fit to send."""

from __future__ import annotations

from dataclasses import replace

import pytest
from eth_abi.abi import encode

from lab.bench.mined_effects import broadcast, effect
from sentinel.config.limits import Limits
from sentinel.config.settings import load
from sentinel.core.actions import Route, Swap
from sentinel.core.decision import Act
from sentinel.core.errors import ActionFault
from sentinel.core.market_state import MarketState
from sentinel.core.network import NATIVE
from sentinel.core.simulation import Simulation
from sentinel.core.spent import Spent
from sentinel.core.transaction import Intent
from sentinel.decide.policy import Policy
from sentinel.dex.building.router import encode_swap
from sentinel.dex.quoting.quotes import quote_swap
from sentinel.dex.simulating.fork import Fork
from sentinel.dex.simulating.snapshot_engine import FLAGS, simulate_by_mining
from sentinel.dex.toolkit import DexToolkit
from sentinel.signing.router_call import read_call
from sentinel.signing.signer_limits import listed_pools

from .conftest import Desk, candidates

# (token in, amount, pools of one route), each alone and then several routes at once
ROUTES = {
    "V4, buying": ("USDC", 900 * 10**6, ("WETH/USDC-v4-500",)),
    "V4, selling": ("WETH", 4 * 10**17, ("WETH/USDC-v4-500",)),
    "V3 then V4": ("WBTC", 10**6, ("WBTC/WETH-v3-3000", "WETH/USDC-v4-500")),
    "V4 then V3": ("USDC", 800 * 10**6, ("WETH/USDC-v4-500", "WBTC/WETH-v3-3000")),
    "V3 then V2": ("WBTC", 10**6, ("WBTC/WETH-v3-3000", "WETH/USDC-v2")),
    "V2 then V3": ("USDC", 800 * 10**6, ("WETH/USDC-v2", "WBTC/WETH-v3-3000")),
    "V2 then V4, closed": ("WETH", 10**17, ("WETH/USDC-v2", "WETH/USDC-v4-500")),
    "V4 then V2, closed": ("USDC", 500 * 10**6, ("WETH/USDC-v4-500", "WETH/USDC-v2")),
    "V3 then V4, closed": ("USDC", 500 * 10**6, ("WETH/USDC-v3-3000", "WETH/USDC-v4-500")),
    "V3, unwrapped": ("USDC", 500 * 10**6, ("WETH/USDC-v3-500", "unwrap")),
    "V4, unwrapped": ("USDC", 500 * 10**6, ("WETH/USDC-v4-500", "unwrap")),
    "two hops, unwrapped": ("USDC", 500 * 10**6, ("WBTC/USDC-v3-3000", "WBTC/WETH-v3-3000", "unwrap")),
    "V2, wrapped": ("ETH", 10**17, ("wrap", "WETH/USDC-v2")),
    "V3, wrapped": ("ETH", 10**17, ("wrap", "WETH/USDC-v3-500")),
    "V4, wrapped": ("ETH", 10**17, ("wrap", "WETH/USDC-v4-500")),
    "two hops, wrapped": ("ETH", 10**17, ("wrap", "WETH/USDC-v2", "WBTC/USDC-v3-3000")),
    "wrapped alone": ("ETH", 10**17, ("wrap",)),
    "unwrapped alone": ("WETH", 10**17, ("unwrap",)),
    "triangle over V4": ("USDC", 500 * 10**6, ("WETH/USDC-v4-500", "WBTC/WETH-v3-3000", "WBTC/USDC-v3-3000")),
    "four venues, closed": (
        "WETH", 10**17, ("WETH/USDC-v2", "WETH/USDC-v4-500", "WETH/USDC-v3-500", "WETH/USDC-v3-3000"),
    ),
}  # fmt: skip
SPLITS: dict[str, list[tuple[str, ...]]] = {
    "four venues": [("WETH/USDC-v2",), ("WETH/USDC-v3-500",), ("WETH/USDC-v3-3000",), ("WETH/USDC-v4-500",)],
    "V4 twice": [("WETH/USDC-v4-500",), ("WETH/USDC-v2",), ("WETH/USDC-v4-500",)],
    "closed ways": [("WETH/USDC-v2", "WETH/USDC-v4-500"), ("WETH/USDC-v3-500", "WETH/USDC-v2")],
    "unwrapped": [("WETH/USDC-v4-500", "unwrap"), ("WETH/USDC-v2", "unwrap")],
    "wrapped": [("wrap", "WETH/USDC-v4-500"), ("wrap", "WETH/USDC-v2"), ("wrap", "WETH/USDC-v3-500")],
    "hops": [("WETH/USDC-v4-500", "WBTC/WETH-v3-3000"), ("WBTC/USDC-v3-3000",)],
}


async def test_every_shape_is_simulated_as_it_is_mined(desk: Desk) -> None:
    """Batch engine, reference engine and broadcast agree; each gives its exact quote to the unit."""
    state = await desk.state()
    until = state.head.timestamp + 60
    swaps = [
        desk.swap(
            *pools,
            token_in=token,
            amount=amount,
            min_out=amount if len(pools) == 1 and amount == 10**17 else 1,
            deadline=until,
        )
        for token, amount, pools in ROUTES.values()
    ]
    for ways in SPLITS.values():
        token, unit = ("ETH", 10**14) if "wrap" in ways[0] else ("USDC", 10**6)
        parts = [
            desk.swap(*pools, token_in=token, amount=(300 + 7 * n) * unit, deadline=until)
            for n, pools in enumerate(ways)
        ]
        swaps.append(Swap(tuple(part.routes[0] for part in parts), len(parts), until))
    tried = candidates(*swaps)
    batch = await desk.kit.simulate_all(state, tried)
    async with Fork(desk.network, desk.net.rpc_url, flags=FLAGS, timeout=60) as slow:
        mined = await DexToolkit(desk.network, slow, simulate_by_mining).simulate_all(state, tried)
    real = [await broadcast(desk, simulation) for simulation in batch]
    assert not any(did is simulation for did, simulation in zip(real, batch, strict=True))  # each was mined
    for name, simulation in zip((*ROUTES, *SPLITS), batch, strict=True):
        assert simulation.revert is None, (name, simulation.revert)
        swap = simulation.candidate.action
        assert isinstance(swap, Swap)
        out = simulation.deltas[swap.token_out] + (swap.amount_in if swap.is_cycle else 0)
        assert out == quote_swap(desk.network, state.pools, swap), name
        assert simulation.router_allowance == 0, name
    assert [effect(simulation) for simulation in batch] == [effect(simulation) for simulation in mined]
    assert [effect(simulation) for simulation in batch] == [effect(simulation) for simulation in real]


async def test_built_splits_and_routes_pass_policy_and_confirm_with_a_signed_permit(desk: Desk) -> None:
    """What the builder makes of lists of venues and tokens goes all the way to final bytes, mined as simulated."""
    state = await desk.state()
    labels = ["v2", "v3-500", "v3-3000", "v4-500"]
    actions = [
        desk.build.swap(state, "USDC", "WETH", 900, labels),
        desk.build.swap(state, "WETH", "USDC", 0.4, ["v4-500", "v3-500"]),
        desk.build.swap(state, "USDC", "WETH", 900, "v4-500"),
        desk.build.route(state, ["WBTC", "WETH", "USDC"], 0.01, ["v3-3000", "v4-500"]),
        desk.build.route(state, ["USDC", "WETH", "ETH"], 400, ["v4-500", "unwrap"]),
        desk.build.route(state, ["ETH", "WETH", "USDC"], 0.2, ["wrap", "v3-500"]),
        desk.build.route(state, ["ETH", "WETH", "USDC", "WBTC"], 0.2, ["wrap", "v4-500", "v3-3000"]),
        desk.build.route(state, ["ETH", "WETH"], 0.3, ["wrap"]),
        desk.build.route(state, ["WETH", "ETH"], 0.3, ["unwrap"]),
    ]
    policy = Policy(desk.network, Limits.of(load(env_file=None).limits, desk.network))
    simulations = await desk.kit.simulate_all(state, candidates(*actions))
    ballots, refusals = policy.screen(simulations, state, Spent(0, 0))
    assert (len(ballots), refusals) == (9, ())
    for simulation in ballots:
        assert isinstance(simulation.candidate.action, Swap)
        await _sent(desk, policy, simulation, state)


async def _sent(desk: Desk, policy: Policy, simulation: Simulation, state: MarketState) -> None:
    """Read by the signer, confirmed, checked and mined; the wallet then has what was simulated."""
    rpc, swap = desk.net.rpc, simulation.candidate.action
    assert isinstance(swap, Swap)
    tx = await desk.kit.finalise(simulation, state, desk)
    caps = {token.address: 10**30 for token in desk.network.tokens.values()}
    wrapped = desk.network.tokens["WETH"].address
    router = desk.network.universal_router
    assert (
        read_call(
            tx.data, desk.account.address, router, caps, listed_pools(desk.network), wrapped=wrapped, value=tx.value
        ).deadline
        == swap.deadline
    )
    assert tx.value == (swap.amount_in if swap.token_in == NATIVE else 0)
    act = Act(simulation, 5, 8, 5, 0)
    intent = Intent("ab", act, tx, True, simulation.env, swap.deadline, state.head.timestamp)
    confirmed = await desk.kit.confirm(intent, state.head, state)
    verdicts = policy.check(confirmed, act, state, state.head, Spent(0, 0), state.head.timestamp)
    assert [verdict for verdict in verdicts if not verdict.ok] == []
    assert all(dict(again.deltas) == dict(simulation.deltas) for again in confirmed)
    snapshot = await rpc.call("evm_snapshot")
    receipt = await desk.mined(await desk.send(tx, state.nonce))
    assert int(receipt["status"], 16) == 1
    for symbol, delta in simulation.deltas.items():
        if symbol == NATIVE:
            paid = int(receipt["gasUsed"], 16) * int(receipt["effectiveGasPrice"], 16)
            now = await rpc.call("eth_getBalance", desk.account.address, "latest")
            assert int(now, 16) + paid - state.balances[NATIVE] == delta
            continue
        data = "0x70a08231" + encode(["address"], [desk.account.address]).hex()
        now = await rpc.call("eth_call", {"to": desk.network.tokens[symbol].address, "data": data}, "latest")
        assert int(now, 16) - state.balances[symbol] == delta
    await rpc.call("evm_revert", snapshot)


async def test_a_v4_trade_that_asks_for_too_much_reverts_with_its_reason(desk: Desk) -> None:
    """The least output is V4's own to enforce; a deadline in the past is the router's."""
    state = await desk.state()
    good = desk.swap("WETH/USDC-v4-500", token_in="USDC", amount=10**9, deadline=state.head.timestamp + 60)
    late = replace(good, deadline=state.head.timestamp - 1)
    for swap in (replace(good, min_out=10**20), late):
        (simulation,) = await desk.kit.simulate_all(state, candidates(swap))
        assert simulation.revert
        assert not simulation.deltas
    with pytest.raises(ActionFault):
        encode_swap(desk.network, state, replace(good, min_out=1 << 128))


async def test_a_split_gives_more_than_any_single_venue(desk: Desk) -> None:
    """A large trade shared over the venues beats the best of them, and every brute-force share of two of them."""
    state = await desk.state()
    desk_state = replace(state, balances={**state.balances, "USDC": 10**12})
    labels = ["v2", "v3-500", "v3-3000", "v4-500"]
    single = max(
        quote_swap(desk.network, state.pools, desk.build.swap(desk_state, "USDC", "WETH", 60_000, label))
        for label in ("v3-500", "v4-500")
    )
    both = desk.build.swap(desk_state, "USDC", "WETH", 60_000, ["v3-500", "v4-500"])
    shared = quote_swap(desk.network, state.pools, both)
    every = quote_swap(desk.network, state.pools, desk.build.swap(desk_state, "USDC", "WETH", 60_000, labels))
    assert every >= shared > single
    legs = [route.legs for route in both.routes]
    brute = 0
    for part in range(1, 200):
        first = both.amount_in * part // 200
        routes = (Route(legs[0], first), Route(legs[1], both.amount_in - first))
        brute = max(brute, quote_swap(desk.network, state.pools, replace(both, routes=routes)))
    assert shared >= brute * (1 - 10**-7)
