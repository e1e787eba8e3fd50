"""`sentinel order preset`: the reading of an order that is asked for often, from a few options."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated

import typer

from sentinel.cli import common
from sentinel.cli.common import DOT_ENV, EnvFile, Sets
from sentinel.core.errors import OperatorError

if TYPE_CHECKING:
    from sentinel.core.network import Network, Symbol

PRESET_HELP = "rebalance, dca, momentum, mean-reversion, reduce-risk, slice, arbitrage, bracket or trailing-stop."
EXTRA = {"allow_extra_args": True, "ignore_unknown_options": True}  # each coin of the network is an option: --weth 60%


def preset(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help=PRESET_HELP)],
    coin: Annotated[str | None, typer.Option(help="Coin; if not given, SENTINEL_STRATEGY__BASE.")] = None,
    band: Annotated[str, typer.Option(help="Band, or distance of a stop, e.g. 5%.")] = "5%",
    threshold: Annotated[str, typer.Option(help="Move that counts, or distance of a target, e.g. 1%.")] = "1%",
    size: Annotated[float, typer.Option(min=0, help="Amount of one trade (quote tokens).")] = 100.0,
    profit: Annotated[float, typer.Option(min=0, help="Least profit (quote tokens).")] = 2.0,
    over: Annotated[str, typer.Option(help="Look back, or time of all slices, e.g. '10 minutes'.")] = "10 minutes",
    every: Annotated[str, typer.Option(help="Interval, e.g. '1 hour'.")] = "1 hour",
    parts: Annotated[int, typer.Option(min=2, help="Number of slices.")] = 12,
    amount: Annotated[str, typer.Option(help="What is sliced, e.g. '6 WETH' or '500 USDC'.")] = "",
    sell: Annotated[bool, typer.Option("--sell", help="Slices are sold, not bought.")] = False,
    sets: Sets = None,
    env_file: EnvFile = DOT_ENV,
) -> None:
    """Print the reading of an order that is asked for often; change it and give it to `sentinel order set`.

    Weights of rebalance and reduce-risk: each coin is an option, e.g. `rebalance --weth 60% --wbtc 20%`.
    """
    from sentinel.config.network_file import load_network
    from sentinel.orders.language import presets

    settings = common.load(sets, env_file)
    network = load_network(settings.network)
    weights = weights_of(context.args, network)
    if weights and name not in presets.WEIGHTED:
        raise OperatorError(f"{context.args[0]}: only {' and '.join(presets.WEIGHTED)} take weights of coins")
    named = next(iter(weights)) if len(weights) == 1 else settings.strategy.base
    parameters = presets.Parameters(
        network.quote,
        coin or named,
        weights,
        band=_share(band),
        threshold=_share(threshold),
        size=Decimal(repr(size)),
        profit=Decimal(repr(profit)),
        over=_seconds(over, network.quote),
        every=_seconds(every, network.quote),
        parts=parts,
        amount=amount,
        side="sell" if sell else "buy",
    )
    typer.echo(presets.preset(name, parameters))


def weights_of(options: Sequence[str], network: Network) -> Mapping[Symbol, Decimal]:
    """['--weth', '60%'] -> {'WETH': 0.6}, without the quote token. Raises OperatorError for what is no coin's share."""
    coins = {symbol.lower(): symbol for symbol in network.tokens}
    weights: dict[Symbol, Decimal] = {}
    words = [part for word in options for part in (word.split("=", 1) if word.startswith("--") else [word])]
    while words:
        option = words.pop(0)
        if (coin := coins.get(option.removeprefix("--").lower())) is None or not option.startswith("--"):
            known = ", ".join(f"--{name}" for name in sorted(coins))
            raise OperatorError(f"there is no option {option}; the coins of network {network.name} are {known}")
        if not words:
            raise OperatorError(f"{option}: write the weight after it, e.g. {option} 60%")
        if coin in weights:
            raise OperatorError(f"{option} is given twice")
        weights[coin] = _share(words.pop(0))
    total = sum(weights.values(), Decimal(0))
    if network.quote in weights and total != 1:
        raise OperatorError(f"the weights add up to {total:%}: leave {network.quote} out, it is the rest")
    return {coin: weight for coin, weight in weights.items() if coin != network.quote}


def _share(text: str) -> Decimal:
    try:
        share = Decimal(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ArithmeticError:
        share = Decimal("nan")
    if not share.is_finite():
        raise OperatorError(f"{text}: write a share as 5% or 0.05")
    return share


def _seconds(text: str, quote: Symbol) -> int:
    from sentinel.orders.language.phrases import Phrases, Unread

    try:
        return Phrases(text, quote).duration()
    except Unread:
        raise OperatorError(f"{text}: write a duration as '10 minutes' or '1 hour'") from None
