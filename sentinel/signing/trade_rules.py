"""The signer's rules on the price of a trade, by reference prices that it has itself or was given (I24). Pure.

A trade may bring its minimum output and nothing more, so the minimum is what is judged. A route that ends with the
token that it began with (a closed cycle, a wrap, an unwrap) must return at least its input, whatever the price.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from math import ceil

from sentinel.core.errors import SignerRefused
from sentinel.core.market_state import Reference
from sentinel.core.network import Address, Network
from sentinel.core.units import BPS, PIPS
from sentinel.core.valuation import unit_value
from sentinel.signing.router_call import RouterTrade
from sentinel.signing.signer_limits import ORDER_GAP, ORDER_RESERVE, ORDER_SIZE

PRICE, BALANCE = "price", "balance"
# No fault: the market or the wallet may have moved since the decision, or a trade was signed that never happened, which
# the signer counts and the daemon does not.
MARKET_RULES = frozenset({PRICE, BALANCE, ORDER_SIZE, ORDER_GAP, ORDER_RESERVE})

Answers = Mapping[Address, int]  # per lower-case token: its feed's answer in the quote token, decimals as in the file
UnitValues = Mapping[Address, Fraction]  # per lower-case token: base units of the quote token per base unit


def answers_of(references: Mapping[str, Reference], network: Network) -> dict[Address, int]:
    """Reference prices by token address, as a request carries them."""
    return {
        network.tokens[symbol].address.lower(): price.answer
        for symbol, price in references.items()
        if symbol in network.tokens and price.answer > 0
    }


def unit_values(answers: Answers, network: Network) -> dict[Address, Fraction]:
    """The values at these answers; a token without a feed or with an answer that is not positive has none."""
    prices = {
        symbol: Reference(answers.get(network.tokens[symbol].address.lower(), 0), feed.decimals, 0)
        for symbol, feed in network.feeds.items()
    }
    values = {token.address.lower(): unit_value(symbol, prices, network) for symbol, token in network.tokens.items()}
    return {token: value for token, value in values.items() if value is not None}


def priced_tokens(trade: RouterTrade) -> set[Address]:
    """The tokens whose price matters; none if everything comes back as what it was."""
    tokens = {route.token for route in trade.routes} | {trade.bought}
    return tokens if len(tokens) > 1 else set()


def check_price(trade: RouterTrade, values: UnitValues, tolerance_bps: int) -> int:
    """Returns the loss that the trade may bring at its minimum output, in base units of the quote token, rounded up.

    Raises SignerRefused if the minimum output is further below the inputs' value than the pools' fees and the
    tolerance, or if a price is missing.
    """
    if missing := priced_tokens(trade) - values.keys():
        raise SignerRefused(PRICE, f"the signer refuses: no reference price of {', '.join(sorted(missing))}")
    required = Fraction(0)
    for route in trade.routes:
        if route.token == trade.bought:
            required += route.amount
            continue
        kept = PIPS - route.fees - tolerance_bps * (PIPS // BPS)
        required += route.amount * values[route.token] / values[trade.bought] * kept / PIPS
    if trade.min_out < int(required):
        raise SignerRefused(
            PRICE,
            f"the signer refuses: a minimum output of {trade.min_out} of {trade.bought}, by the reference at least "
            f"{int(required)}",
        )
    if not priced_tokens(trade):
        return 0
    put_in = sum((route.amount * values[route.token] for route in trade.routes), Fraction(0))
    return max(0, ceil(put_in - trade.min_out * values[trade.bought]))


def check_balance(trade: RouterTrade, held: int) -> None:
    """The receipt check must bind by the balance that the signer read itself. Raises SignerRefused."""
    if trade.min_balance is None:
        return
    required = held - trade.taken.get(trade.bought, 0) + trade.min_out
    if trade.min_balance < required:
        raise SignerRefused(
            BALANCE, f"the signer refuses: a balance of {trade.min_balance} is checked, with {held} held {required}"
        )
