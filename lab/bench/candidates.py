"""Random candidates of all kinds over all venues; about a third of them reverts."""

from __future__ import annotations

from random import Random

from sentinel.core.actions import Action, Approve, Candidate, Leg, Route, Swap
from sentinel.core.market_state import MarketState
from sentinel.core.network import Network
from sentinel.dex.quoting.quotes import unwrap_leg, wrap_leg

_USUAL = {"WETH": 10**18, "USDC": 2_000 * 10**6, "WBTC": 5 * 10**6}  # usual amount of a trade, base units


def random_candidates(network: Network, state: MarketState, count: int, seed: int) -> list[Candidate]:
    """Each pool in both directions, then random candidates of the seed. They skip all checks of the builder."""
    rng = Random(seed)
    time = state.head.timestamp
    actions: list[Action] = [
        _swap(network, [name], token, _USUAL[token] // 3, 1, time + 60)
        for name, pool in network.pools.items()
        for token in (pool.token0, pool.token1)
    ]
    while len(actions) < count:
        deadline = time + (60 if rng.random() > 0.1 else -5)
        if rng.random() < 0.05:
            actions.append(Approve("USDC", "permit2", rng.randrange(10**12), deadline))
            continue
        token, pools = _path(network, rng)
        amount = max(1, int(_USUAL[token] * 10 ** rng.uniform(-6, 2)))  # the largest exceed the balance
        min_out = rng.choice((1, 1, 1, amount * 10**13))
        swap = _swap(network, pools, token, amount, min_out, deadline)
        if swap.is_cycle:  # the receipt check cannot be written for one that the wallet cannot pay
            swap = _swap(network, pools, token, min(amount, state.balances[token]), min_out, deadline)
        actions.append(_coined(network, swap, rng) if rng.random() < 0.3 else swap)
    return [Candidate(index, action, "") for index, action in enumerate(actions[:count])]


def _coined(network: Network, swap: Swap, rng: Random) -> Swap:
    """The swap with native coin for its wrapped token at one or both ends; sometimes only the wrap or unwrap itself."""
    (route,) = swap.routes
    starts, ends = swap.token_in == network.wrapped, swap.token_out == network.wrapped
    legs, min_out = route.legs, swap.min_out
    if starts and rng.random() < 0.1:
        legs, min_out = (rng.choice((wrap_leg(network), unwrap_leg(network))),), route.amount_in
    else:
        legs = (*((wrap_leg(network),) if starts else ()), *legs, *((unwrap_leg(network),) if ends else ()))
    return Swap((Route(legs, route.amount_in),), min_out, swap.deadline)


def _path(network: Network, rng: Random) -> tuple[str, list[str]]:
    """A token and a path of up to three different pools from it. Some paths are closed cycles."""
    token = at = rng.choice(list(_USUAL))
    pools: list[str] = []
    for _ in range(rng.choice((1, 1, 2, 2, 3))):
        choice = [
            name for name, pool in network.pools.items() if at in (pool.token0, pool.token1) and name not in pools
        ]
        if not choice:
            break
        pools.append(rng.choice(choice))
        pool = network.pools[pools[-1]]
        at = pool.token1 if at == pool.token0 else pool.token0
    return token, pools


def _swap(network: Network, pools: list[str], token_in: str, amount: int, min_out: int, deadline: int) -> Swap:
    legs, token = [], token_in
    for name in pools:
        pool = network.pools[name]
        out = pool.token1 if token == pool.token0 else pool.token0
        legs.append(Leg(name, token, out, pool.venue))
        token = out
    return Swap((Route(tuple(legs), amount),), min_out, deadline)
