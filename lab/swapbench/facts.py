"""A state as text for the arms without tools: raw, or as the results of the oracle's tool calls. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sentinel.agent.tools import Toolbox
from sentinel.core.errors import QuoteError
from sentinel.core.mandate import Mandate
from sentinel.core.network import Symbol


def short(value: float, digits: int = 5) -> str:
    """`value` with `digits` significant digits and without an exponent."""
    text = f"{float(f'{value:.{digits}g}'):.8f}".rstrip("0").rstrip(".")
    return text or "0"


def raw(mandate: Mandate, box: Toolbox, lookback: int) -> str:
    """Holdings, closes of the traded token, every pool's price and fee, the block and the price of gas."""
    quote, tokens = box.network.quote, sorted(box.network.tokens)
    held = ", ".join(f"{symbol} {short(box.balance(symbol))}" for symbol in tokens)
    prices = ", ".join(f"{symbol} {short(box.prices(symbol)[-1])}" for symbol in tokens if symbol != quote)
    closes = " ".join(short(close) for close in box.prices(mandate.base, lookback))
    lines = [f"Holdings: {held}", f"Prices: {prices}", f"Closes of {mandate.base}: {closes}"]
    for a, b in _pairs(box):
        mids = [f"{venue} {short(_mid(box, a, b, venue))}" for venue in box.venues(a, b)]
        if mids:
            lines.append(f"{a} in {b}: {', '.join(mids)}")
    return "\n".join([*lines, f"Block: {box.block()}", f"Gas: {short(box.gas_cost(), 3)}"])


def _pairs(box: Toolbox) -> list[tuple[Symbol, Symbol]]:
    quote = box.network.quote
    others = [symbol for symbol in sorted(box.network.tokens, reverse=True) if symbol != quote]
    return [(symbol, quote) for symbol in others] + [(a, b) for i, a in enumerate(others) for b in others[:i]]


def _mid(box: Toolbox, a: Symbol, b: Symbol, venue: str) -> float:
    """The price of a very small amount, fee included."""
    small = 10.0 / box.prices(a)[-1]
    return box.quote(a, b, small, venue) / small


def told(mandate: Mandate, box: Toolbox) -> str:
    """The results of the tool calls that the oracle's code makes in this playbook."""
    return TOLD[mandate.playbook](mandate, box)


def _purse(mandate: Mandate, box: Toolbox) -> str:
    quote = box.network.quote
    price = short(box.prices(mandate.base)[-1])
    return (
        f"Worth: {mandate.base} {short(box.worth(mandate.base))}, {quote} {short(box.worth(quote))}\n"
        f"Price: {price}\n"
        f"Best venue: to buy {_venue(mandate, box, quote, mandate.base)}, "
        f"to sell {_venue(mandate, box, mandate.base, quote)}"
    )


def _venue(mandate: Mandate, box: Toolbox, a: Symbol, b: Symbol) -> str:
    """The best venue for the max amount of one trade, limited by the balance."""
    worth = min(mandate.size, box.worth(a))
    amount = worth if a == box.network.quote else worth / box.prices(a)[-1]
    try:
        return box.best_venue(a, b, amount) if amount > 0 else "none"
    except QuoteError:  # no pool can fill it
        return "none"


def _weights(mandate: Mandate, box: Toolbox) -> str:
    return f"Weight: {short(box.weight(mandate.base))}\nEquity: {short(box.equity())}\n{_purse(mandate, box)}"


def _closes(mandate: Mandate, box: Toolbox) -> str:
    return "Closes: " + " ".join(short(close) for close in box.prices(mandate.base, mandate.bars))


def _cycle(mandate: Mandate, box: Toolbox) -> str:
    quote = box.network.quote
    max_amount = min(mandate.size, box.worth(quote))
    best = box.best_cycle(quote, mandate.base, max_amount) if max_amount else None
    if best is None or not best["profit"]:
        return "Best cycle: none"
    return (
        f"Best cycle: {short(float(best['amount']))} {quote}, buy at {best['buy']}, sell at {best['sell']}, "
        f"profit {short(float(best['profit']))}"
    )


def _loop(mandate: Mandate, box: Toolbox) -> str:
    quote = box.network.quote
    max_amount = min(mandate.size, box.worth(quote))
    best = box.best_loop(quote, max_amount) if max_amount else None
    if best is None or not best["profit"]:
        return "Best loop: none"
    tokens, venues = best["tokens"], best["venues"]
    assert isinstance(tokens, list)
    assert isinstance(venues, list)
    return (
        f"Best loop: {short(float(best['amount']))} {quote}, {' '.join(tokens)} at {' '.join(venues)}, "  # type: ignore[arg-type]
        f"profit {short(float(best['profit']))}"  # type: ignore[arg-type]
    )


TOLD: Mapping[str, Callable[[Mandate, Toolbox], str]] = {
    "rebalance": _weights,
    "momentum": lambda mandate, box: f"{_closes(mandate, box)}\n{_purse(mandate, box)}",
    "mean_reversion": lambda mandate, box: f"{_closes(mandate, box)}\n{_purse(mandate, box)}",
    "reduce_risk": lambda mandate, box: f"{_weights(mandate, box)}\n{_closes(mandate, box)}",
    "slice": lambda mandate, box: f"{_weights(mandate, box)}\nBlock: {box.block()}",
    "arbitrage": _cycle,
    "triangle": _loop,
}
