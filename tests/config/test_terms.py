"""Caps in base units out of amounts in quote tokens."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sentinel.config.network_file import load_network
from sentinel.config.settings import load
from sentinel.config.terms import Terms

NETWORK = load_network("devnet")
TERMS = Terms.of(load(None), NETWORK)


@given(st.floats(1.0, 100_000.0), st.floats(0.75, 1.0))
def test_the_signer_signs_the_allowance_though_the_price_has_fallen_by_a_quarter(price: float, moved: float) -> None:
    """Its caps were set at one block's price, the allowance is made at a later one's; the first digits may differ."""
    prices = dict.fromkeys(NETWORK.tokens, price) | {"USDC": 1.0}
    later = {symbol: one * moved if symbol != "USDC" else one for symbol, one in prices.items()}
    signs = TERMS.token_caps(prices).approvals
    made = TERMS.allowances(later)
    assert all(amount <= signs[NETWORK.tokens[symbol].address] for symbol, amount in made.items())
