"""The signer's own copy of the limits, independent of policy's (I24). Pure.

The signer signs four kinds of requests only: a call of the Universal Router's `execute` that `router_call` accepts,
with a near deadline and no value beyond what it wraps, whose price `trade_rules` then judges; an ERC-20 `approve` of
Permit2 by a listed token up to its cap; a cancel, which is a transfer of nothing to the wallet itself; and a Permit2
PermitSingle for the router.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from eth_utils.address import is_hex_address

from sentinel.config.limits import Limits
from sentinel.core.errors import SignerRefused
from sentinel.core.network import Address, FeeMarket, Network, Symbol
from sentinel.core.simulation import TxRequest
from sentinel.core.transaction import Fees
from sentinel.core.units import TRANSFER_GAS, WORD
from sentinel.signing.router_call import V2, V3, V4, PoolKey, Pools, RouterTrade, read_call

APPROVE = bytes.fromhex("095ea7b3")  # approve(address,uint256)
VOLUME, GAS_TODAY, SIGNATURES, LOSS_TODAY = "volume", "gas_today", "signatures", "loss_today"
ORDER = "order"  # tokens, sides and largest trade of the operator's order (`order_rules`)
ORDER_SIZE, ORDER_DAY, ORDER_GAP, ORDER_RESERVE = "order_size", "order_day", "order_gap", "order_reserve"
DAY_RULES = frozenset({VOLUME, GAS_TODAY, SIGNATURES, LOSS_TODAY, ORDER_DAY})  # counters that start again each UTC day
_VENUES = {"uniswap_v2": V2, "uniswap_v3": V3, "uniswap_v4": V4}
_NO_TOKEN: Address = "0x" + "00" * 20


@dataclass(frozen=True, slots=True)
class SignerLimits:
    """Absolute bounds, in base units per token and in wei.

    `amounts` caps the approvals of each token. `trades` caps permits and trades; if it is empty, `amounts` applies to
    them too. A token that is absent is refused, and so is a pool that is not in `pools`.
    """

    chain_id: int
    router: Address
    permit2: Address
    amounts: Mapping[Address, int]
    max_gas: int
    max_fee: int
    max_priority_fee: int
    max_cost: int
    max_lifetime: int  # seconds from now to any deadline or expiry that is signed
    trades: Mapping[Address, int] = field(default_factory=dict)
    wrapped: Address = _NO_TOKEN  # the router wraps the native coin into it; wrapping counts as a trade of it
    legacy: bool = False  # transactions are of type 0: one gas price is both fee cap and priority fee
    pools: Pools = field(default_factory=dict)
    tolerance_bps: int = 0  # how far a minimum output may be below the reference price, on top of the pools' fees

    @classmethod
    def of(
        cls, network: Network, limits: Limits, amounts: Mapping[Symbol, int], trades: Mapping[Symbol, int] | None = None
    ) -> SignerLimits:
        """The limits of a network and its caps per symbol.

        They allow twice the maximum deadline, because the head's timestamp may be ahead of the clock.
        """
        return cls(
            chain_id=network.chain_id,
            router=network.universal_router,
            permit2=network.permit2,
            amounts={network.tokens[symbol].address: cap for symbol, cap in amounts.items()},
            max_gas=min(limits.max_gas, 2**24),
            max_fee=limits.max_fee,
            max_priority_fee=limits.max_priority_fee,
            max_cost=limits.max_cost,
            max_lifetime=2 * limits.max_deadline,
            trades={network.tokens[symbol].address: cap for symbol, cap in (trades or {}).items()},
            wrapped=network.tokens[network.wrapped].address,
            legacy=network.fees is FeeMarket.LEGACY,
            pools=listed_pools(network),
            tolerance_bps=limits.price_tolerance_bps,
        )


def listed_pools(network: Network) -> Pools:
    """The pools of a network file as `router_call` knows them. One of a venue that it cannot read is left out."""
    pools: dict[PoolKey, int] = {}
    for pool in network.pools.values():
        if (command := _VENUES.get(pool.venue)) is None:
            continue
        low, high = sorted(int(network.tokens[symbol].address, 16) for symbol in (pool.token0, pool.token1))
        fee = 0 if command == V2 else pool.fee_pips
        key = (command, low, high, fee, pool.tick_spacing if command == V4 else 0)
        pools[key] = max(pools.get(key, 0), pool.fee_pips)
    return pools


def check_transaction(
    chain_id: int, tx: TxRequest, fees: Fees, own: Address, limits: SignerLimits, now: float
) -> RouterTrade | None:
    """Check a transaction. Returns the trade, whose price `trade_rules` judges, or None if it is no trade.

    Raises SignerRefused, which names the rule, if the transaction is not allowed.
    """
    _want(chain_id == limits.chain_id, "chain", f"chain id {chain_id}, not {limits.chain_id}")
    _want(0 < tx.gas_limit <= limits.max_gas, "gas", f"{tx.gas_limit} gas, the cap is {limits.max_gas}")
    _want(0 <= fees.priority_fee <= fees.max_fee, "fee", "the priority fee exceeds the maximum fee")
    _want(not limits.legacy or fees.priority_fee == fees.max_fee, "fee", "legacy: one gas price, not two fees")
    _want(fees.max_fee <= limits.max_fee, "fee", f"{fees.max_fee} wei per gas, the cap is {limits.max_fee}")
    _want(fees.priority_fee <= limits.max_priority_fee, "fee", f"priority fee of {fees.priority_fee} wei per gas")
    _want(fees.max_fee * tx.gas_limit <= limits.max_cost, "cost", f"could cost {fees.max_fee * tx.gas_limit} wei")
    to = tx.to.lower()
    _want(tx.value == 0 or to == limits.router.lower(), "value", f"{tx.value} wei attached")
    selector, words = tx.data[:4], [tx.data[at : at + WORD] for at in range(4, len(tx.data), WORD)]
    if to == own.lower():
        _want(not tx.data and tx.gas_limit == TRANSFER_GAS, "cancel", "a cancel must have no data and 21,000 gas")
    elif to == limits.router.lower():
        caps = limits.trades or limits.amounts
        trade = read_call(tx.data, own, limits.router, caps, limits.pools, wrapped=limits.wrapped, value=tx.value)
        _near(trade.deadline, limits, now)
        return trade
    elif (cap := _cap(tx.to, limits.amounts)) is not None:
        _want(selector == APPROVE and len(tx.data) == 4 + 2 * WORD, "selector", "not a plain approve")
        _want(words[0] == bytes.fromhex(limits.permit2[2:]).rjust(WORD, b"\0"), "spender", "spender is not Permit2")
        _want(int.from_bytes(words[1], "big") <= cap, "amount", f"approval above {cap}")
    else:
        raise SignerRefused("to", f"{tx.to} is not allowed")
    return None


def check_permit(typed: Mapping[str, Any], limits: SignerLimits, now: float) -> None:
    """Check a Permit2 PermitSingle. Raises SignerRefused, also if a field is missing or of another type."""
    try:
        domain, message = typed["domain"], typed["message"]
        details = message["details"]
        numbers = (details["amount"], details["expiration"], details["nonce"], message["sigDeadline"])
        texts = (domain["verifyingContract"], message["spender"], details["token"])
        well_typed = all(type(number) is int and number >= 0 for number in numbers) and all(
            type(t) is str for t in texts
        )
        _want(well_typed, "permit", "a field is of another type")
        fits = numbers[0] < 2**160 and max(numbers[1:3]) < 2**48 and numbers[3] < 2**256
        _want(fits and all(is_hex_address(text) for text in texts), "permit", "a field that Permit2 cannot hold")
        _want(typed["primaryType"] == "PermitSingle" and set(domain) == _DOMAIN, "permit", "not a PermitSingle")
        _want(domain["name"] == "Permit2" and domain["chainId"] == limits.chain_id, "chain", "another domain")
        _want(texts[0].lower() == limits.permit2.lower(), "permit", "not Permit2's domain")
        _want({key: typed["types"][key] for key in _PERMIT} == _PERMIT, "permit", "other types")
    except (KeyError, TypeError) as error:
        raise SignerRefused("permit", f"not a PermitSingle: {type(error).__name__}") from None
    _want(texts[1].lower() == limits.router.lower(), "spender", f"spender {texts[1]} is not the router")
    cap = _cap(texts[2], limits.trades or limits.amounts)
    _want(cap is not None and numbers[0] <= cap, "amount", f"{numbers[0]} of {texts[2]}, the cap is {cap}")
    _near(numbers[1], limits, now)
    _near(numbers[3], limits, now)


_DOMAIN = {"name", "chainId", "verifyingContract"}
_PERMIT = {
    "PermitSingle": [
        {"name": "details", "type": "PermitDetails"},
        {"name": "spender", "type": "address"},
        {"name": "sigDeadline", "type": "uint256"},
    ],
    "PermitDetails": [
        {"name": "token", "type": "address"},
        {"name": "amount", "type": "uint160"},
        {"name": "expiration", "type": "uint48"},
        {"name": "nonce", "type": "uint48"},
    ],
}


def _cap(token: Address, caps: Mapping[Address, int]) -> int | None:
    return next((cap for address, cap in caps.items() if address.lower() == token.lower()), None)


def _near(until: int, limits: SignerLimits, now: float) -> None:
    _want(until <= now + limits.max_lifetime, "deadline", f"valid until {until}, over {limits.max_lifetime} s ahead")


def _want(ok: bool, rule: str, message: str) -> None:
    if not ok:
        raise SignerRefused(rule, f"the signer refuses: {message}")
