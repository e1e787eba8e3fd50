"""`demo`, `devnet`, `doctor`, `approve`: try Sentinel out, check a set-up, and prepare a wallet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sentinel.cli import common, order_option, price_options
from sentinel.cli.common import DOT_ENV, EnvFile, Json, Sets
from sentinel.cli.price_options import DEFAULT
from sentinel.core.errors import OperatorError

if TYPE_CHECKING:
    from sentinel.daemon.doctor.findings import Finding

MARKS = {"ok": "ok  ", "warn": "warn", "fail": "FAIL"}


def demo(
    blocks: Annotated[int | None, typer.Option(min=1, help="Stop after this many blocks.")] = None,
    proposer: Annotated[
        str | None, typer.Option(help="student, oracle, code or a URL: see SENTINEL_PROPOSER. vLLM serves the student.")
    ] = None,
    file: Annotated[Path | None, typer.Option(help="The program of --proposer code.")] = None,
    order: Annotated[
        str | None,
        typer.Option(
            help="Your order. The student reads your own words, and you approve a reading. What is a reading already "
            "(docs/orders.md) is played without a model, unless --proposer says otherwise."
        ),
    ] = None,
    prices: price_options.Prices = DEFAULT,
    start: price_options.Start = None,
    json: Json = False,
) -> None:
    """Run everything on a local market: chain, fork, model and daemon, with a live table and a summary at the end.

    The student reads the demo's order in words, and the demo approves it by itself: its money is play money.
    """
    try:
        from sentinel.paper.demo import NETWORK, main
    except ImportError as error:
        raise OperatorError("the demo is not part of this installation") from error
    from sentinel.cli.order_words import report_lines

    reading = words = None
    if order is not None and not order.strip():
        raise typer.BadParameter("this is no order: say what is wanted", param_hint=order_option.OPTION)
    if order is not None and order_option.is_reading(order, NETWORK):
        reading = order_option.accepted(order, NETWORK, err=True)
    elif order is not None and proposer not in (None, "student"):
        raise typer.BadParameter(
            "these words are no reading, and only the student reads words: leave --proposer out",
            param_hint=order_option.OPTION,
        )
    else:
        words = order
    raise typer.Exit(
        main(
            blocks,
            json,
            proposer=proposer,
            program=file,
            order=reading,
            words=words,
            show=report_lines,
            prices=prices,
            start=None if start is None else price_options.time_option(start),
        )
    )


def devnet(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the chain; 0 picks a free one.")] = 8545,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    block_time: Annotated[float, typer.Option(min=1.0, max=600.0, help="Seconds between blocks.")] = 2.0,
    seed: Annotated[
        int, typer.Option(help="Seed of the crowd, the openings, the base fee, WBTC and synthetic prices.")
    ] = 7,
    prices: price_options.Prices = DEFAULT,
    start: price_options.Start = None,
    fund: Annotated[str | None, typer.Option(help="Address to fund: 2 WETH, 4,000 USDC, 1 ETH, allowances.")] = None,
    json: Json = False,
) -> None:
    """Run a local market in the foreground: real DEX contracts on Anvil, moved by real prices. Ctrl-C ends it."""
    from sentinel.cli.devnet_process import run_market
    from sentinel.market.price_path import PricePath

    first = None if start is None else price_options.time_option(start)
    path = PricePath.of(prices, start=first, seed=seed, data_dir=common.load(None, DOT_ENV).data_dir)
    run_market(port=port, listen=host, block_time=block_time, seed=seed, fund=fund, prices=path, as_json=json)


def doctor(sets: Sets = None, env_file: EnvFile = DOT_ENV, json: Json = False) -> None:
    """Check endpoint, chain, contracts, Anvil, fork, model, key, funds, allowances; print a hint for each problem."""
    import asyncio

    from sentinel.daemon.doctor.doctor import examine

    findings = asyncio.run(examine(common.load(sets, env_file)))
    common.emit(
        [asdict(item) for item in findings],
        json,
        lambda: (line for item in findings for line in _lines(item)),
    )
    failed = {item.name for item in findings if item.grade == "fail"}
    if failed:
        raise typer.Exit(common.CONFIGURATION if "journal" in failed else common.ERROR)


def _lines(item: Finding) -> Iterator[str]:
    yield f"{MARKS[item.grade]}  {item.name:12} {item.what}"
    if item.hint:
        yield f"{'':19}hint: {item.hint}"


def approve(
    tokens: Annotated[
        list[str] | None, typer.Argument(metavar="[TOKEN]...", help="Default: all tokens of the network.")
    ] = None,
    revoke: Annotated[bool, typer.Option("--revoke", help="Set the allowances to Permit2 to zero.")] = False,
    sets: Sets = None,
    env_file: EnvFile = DOT_ENV,
    json: Json = False,
) -> None:
    """Set the ERC-20 allowances to Permit2 that trading needs, or revoke them. Needs live mode and a stopped daemon.

    Each change is simulated, checked by policy, journaled and confirmed. Revoking works while trading is halted.
    """
    from sentinel.daemon.set_allowances import set_allowances

    settings = common.load(sets, env_file)
    allowances = set_allowances(settings, tokens or [], revoke=revoke)
    common.emit(
        allowances,
        json,
        lambda: [f"Permit2 may take {amount} base units of {token}" for token, amount in allowances.items()],
    )
