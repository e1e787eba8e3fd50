"""`decisions`, `trades`: cycles and trades of the journal as text. They may run beside the daemon."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sentinel.cli import common
from sentinel.cli.common import DOT_ENV, EnvFile, Json, Sets
from sentinel.core.errors import RecordDropped
from sentinel.core.network import NATIVE
from sentinel.core.transaction import Outcome
from sentinel.core.valuation import whole, whole_quote
from sentinel.observe import plain_words

if TYPE_CHECKING:
    from sentinel.core.network import Network
    from sentinel.core.record import CycleRecord
    from sentinel.journal.journal import Journal
    from sentinel.journal.reports import CycleLine, Trade

ALL = 1 << 31  # more trades than a journal has
Limit = Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000, help="Number of rows, newest first.")]


def decisions(limit: Limit = 20, sets: Sets = None, env_file: EnvFile = DOT_ENV, json: Json = False) -> None:
    """List the last cycles: each decision with its votes and its reason."""
    journal, network = common.open_journal(common.load(sets, env_file), read_only=True)
    try:
        rows = [_decision(journal, network, line) for line in journal.cycles(limit)]
    finally:
        journal.close()
    common.emit(rows, json, lambda: (f"{row['id']:>7}  {row['time']}  {row['words']}" for row in rows))


def _decision(journal: Journal, network: Network, line: CycleLine) -> dict[str, Any]:
    try:
        text = plain_words.cycle(journal.get_cycle(line.id), network)
    except RecordDropped:
        text = f"block {line.number}: hold: {line.detail or line.reason}"
    return {**asdict(line), "time": _stamp(line.at), "words": text}


def recorded(journal: Journal, id_: str) -> CycleRecord:
    """The cycle that the argument names. Raises BadParameter if there is none, RecordDropped."""
    try:
        return journal.get_cycle(int(id_) if id_.isdigit() else id_)
    except KeyError as error:
        raise typer.BadParameter(f"no cycle {id_} in the journal") from error


def trades(
    limit: Limit = 20,
    csv: Annotated[
        bool, typer.Option("--csv", help="All trades, oldest first, as CSV with exact amounts for a tax tool.")
    ] = False,
    sets: Sets = None,
    env_file: EnvFile = DOT_ENV,
    json: Json = False,
) -> None:
    """List the last transactions: minimum, simulated and realised output, shortfall in bps, gas, profit and loss.

    Realised amounts and gas come from balance changes and receipts. Profit and loss is valued at the reference prices
    of the decision.
    """
    journal, network = common.open_journal(common.load(sets, env_file), read_only=True)
    try:
        if csv:
            from sentinel.cli.trade_csv import table

            typer.echo(table(journal.trades(ALL), network), nl=False)
            return
        rows = [_trade(network, trade) for trade in journal.trades(limit)]
    finally:
        journal.close()
    common.emit(rows, json, lambda: (_trade_line(row) for row in rows))


def _trade(network: Network, trade: Trade) -> dict[str, Any]:
    settled = trade.settled
    paid = settled is not None and settled.outcome is Outcome.CONFIRMED and trade.state != "dry"
    amount = plain_words.amount(trade.gross, trade.token_in, network)
    return {
        "intent": trade.intent_id,
        "time": _stamp(trade.at),
        "kind": trade.kind,
        "state": trade.state,
        "source": trade.source,
        "paid": amount if paid else None,
        "would_pay": None if paid else amount,
        "asked": plain_words.amount(trade.min_out, trade.token_out, network),
        "simulated": plain_words.amount(trade.simulated.get(trade.token_out, 0), trade.token_out, network),
        "realised": plain_words.amount(settled.realised.get(trade.token_out, 0), trade.token_out, network)
        if settled
        else None,
        "shortfall_bps": trade.shortfall_bps,
        "gas": whole(settled.gas_cost, NATIVE, network) if settled else None,
        "gas_quote": None if trade.gas_quote is None else whole_quote(trade.gas_quote, network),
        "pnl": None if trade.pnl_quote is None else whole_quote(trade.pnl_quote, network),
        "tx": settled.tx_hash if settled else None,
        "block": settled.block_number if settled else None,
    }


def _trade_line(row: dict[str, Any]) -> str:
    shortfall = "" if row["shortfall_bps"] is None else f"  shortfall {row['shortfall_bps']:+.2f} bps"
    pnl = "" if row["pnl"] is None else f"  pnl {row['pnl']:+.4f}"
    gas_value = "" if row["gas_quote"] is None else f" ({row['gas_quote']:.4f})"
    gas = "" if not row["gas"] else f"  gas {row['gas']:.6f}{gas_value}"
    realised = f", realised {row['realised']}" if row["realised"] else ""
    tx = f"  {row['tx']}" if row["tx"] else ""
    amounts = "allowance to Permit2"
    if row["kind"] == "swap":
        payment = f"paid {row['paid']}" if row["paid"] else f"would pay {row['would_pay']}"
        amounts = f"{payment}, asked {row['asked']}, simulated {row['simulated']}{realised}"
    return f"{row['time']}  {row['state']:9}  {row['kind']:7}  {amounts}{shortfall}{gas}{pnl}{tx}"


def _stamp(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(at))
