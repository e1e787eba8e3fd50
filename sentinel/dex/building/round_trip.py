"""The sale of what a trade has just bought: the same route back. It is only ever simulated. Pure."""

from __future__ import annotations

from dataclasses import replace

from sentinel.core.abi import encode
from sentinel.core.actions import Approve, Leg, Route, Swap
from sentinel.core.market_state import MarketState
from sentinel.core.network import UNWRAP, WRAP, Network
from sentinel.core.simulation import TxRequest
from sentinel.dex.building.router import encode_approve, encode_swap

_PERMIT2_APPROVE = bytes.fromhex(
    "87517c45"
)  # approve(address token, address spender, uint160 amount, uint48 expiration)
_APPROVE_GAS = 150_000


def sale_of(swap: Swap, deadline: int) -> Swap:
    """Sell the swap's min_out, which it is sure to have bought, over its own legs backwards, for any output."""
    parts = [swap.min_out * route.amount_in // swap.amount_in for route in swap.routes]
    parts[-1] += swap.min_out - sum(parts)
    routes = tuple(
        Route(tuple(_back(leg) for leg in reversed(route.legs)), part)
        for route, part in zip(swap.routes, parts, strict=True)
    )
    return Swap(routes, len(routes), deadline)


def sale_transactions(network: Network, state: MarketState, sale: Swap, gas_limit: int) -> tuple[TxRequest, ...]:
    """What the wallet itself would send to sell: missing allowances, then the swap as the last.

    It has no signed permit, so a call sets Permit2's allowance. Raises ActionFault if the sale cannot be encoded.
    """
    symbol, amount = sale.token_in, sale.amount_in
    transactions: list[TxRequest] = []
    if (allowed := state.allowances.get(symbol, 0)) < amount:
        # some tokens refuse to change an allowance that is not zero
        for value in (0, amount) if allowed else (amount,):
            token, data = encode_approve(network, Approve(symbol, "permit2", value, sale.deadline))
            transactions.append(TxRequest(token, data, 0, _APPROVE_GAS))
    fields = [network.tokens[symbol].address, network.universal_router, amount, sale.deadline]
    allow = _PERMIT2_APPROVE + encode(["address", "address", "uint160", "uint48"], fields)
    transactions.append(TxRequest(network.permit2, allow, 0, _APPROVE_GAS))
    # `state` was read before the purchase, so the receipt check starts from nothing; policy judges the sale's effect
    bought = replace(state, balances={**state.balances, sale.token_out: 0})
    transactions.append(TxRequest(network.universal_router, encode_swap(network, bought, sale), 0, gas_limit))
    return tuple(transactions)


def _back(leg: Leg) -> Leg:
    if leg.pool == WRAP:
        return Leg(UNWRAP, leg.token_out, leg.token_in, UNWRAP)
    return Leg(leg.pool, leg.token_out, leg.token_in, leg.venue)
