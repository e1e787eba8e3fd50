"""Mid prices in the quote token, each from the deepest pool. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from sentinel.core.network import Network, PoolName, Symbol

Reserves = Mapping[PoolName, tuple[float, float]]  # virtual reserves of token0 and token1, base units


def mid_prices(network: Network, reserves: Reserves) -> dict[Symbol, float]:
    """The price of each token in quote tokens per whole token; 1.0 for the quote token.

    Tokens that are paired with the quote token are priced first, the others through those. A pool's depth is the value
    in quote tokens of the side whose price is known already. A token that no pool with liquidity reaches is absent.
    """
    prices: dict[Symbol, float] = {network.quote: 1.0}
    while True:
        deepest: dict[Symbol, tuple[float, float]] = {}  # token -> (depth, price)
        for name, (reserve0, reserve1) in sorted(reserves.items()):
            pool = network.pools[name]
            if reserve0 <= 0 or reserve1 <= 0:
                continue
            whole0 = reserve0 / 10 ** network.tokens[pool.token0].decimals
            whole1 = reserve1 / 10 ** network.tokens[pool.token1].decimals
            for token, own, other, against in (
                (pool.token0, whole0, whole1, pool.token1),
                (pool.token1, whole1, whole0, pool.token0),
            ):
                if token in prices or against not in prices:
                    continue
                depth = other * prices[against]
                if depth > deepest.get(token, (0.0, 0.0))[0]:
                    deepest[token] = (depth, depth / own)
        if not deepest:
            return prices
        prices.update({token: price for token, (_, price) in deepest.items()})
