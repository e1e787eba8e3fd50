"""The report of a backtest as lines of text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def lines(report: Mapping[str, Any]) -> Iterator[str]:
    quote, prices = report["quote"], report["prices"]
    minutes = sum(one["minutes"] for one in prices["segments"])
    source = f"sha256 {prices['sha256']}" if "sha256" in prices else f"synthetic, seed {prices['seed']}"
    yield f"prices    {prices['name']}, {source}"
    seeds, runs = ", ".join(map(str, report["seeds"])), len(prices["segments"])
    yield f"          {minutes:,} minutes in {runs} run{'' if runs == 1 else 's'}, seeds {seeds}"
    yield f"          all results are net of gas, pool fees and slippage, in {quote} on wallets of about 10,000 and gas"
    for order in report["orders"]:
        total = order["over_all"]
        yield ""
        yield f"{order['name']}: {order['reading']}"
        yield f"  result         {total['gain']:+,.2f} {quote} ({_interval(total['return'])} a run)"
        yield f"  buy and hold   {total['gain_of_hold']:+,.2f} {quote} ({_interval(total['return_of_hold'])})"
        yield f"  difference     {total['over_hold']:+,.2f} {quote} ({_interval(total['return_over_hold'])})"
        yield f"  without costs  {total['gain_of_player']:+,.2f} {quote}, as the order's player would have it"
        yield f"  trades         {total['trades']:,}, volume {total['volume']:,.2f}, gas {total['gas']:,.2f} {quote}"
        yield f"  win rate       {_share(total['wins'], total['sales'])} of sales above cost"
        yield (
            f"  wanted         in {total['wanted']:,} minutes, missed in {total['missed']:,}, "
            f"no majority in {total['disagreed']:,}"
        )
        yield from _missed(order)


def _missed(order: Mapping[str, Any]) -> Iterator[str]:
    """The reasons, each with the example of the run that had it first."""
    reasons: dict[str, list[Mapping[str, Any]]] = {}
    for run in order["runs"]:
        for one in run["missed"]:
            reasons.setdefault(one["reason"], []).append(one)
        if run["halted"]:
            yield f"  halted         {run['halted']}"
    for reason, found in reasons.items():
        count = sum(one["minutes"] for one in found)
        yield f"  missed by      {reason}: {count:,} minutes, first: {found[0]['example']}"


def _interval(value: Mapping[str, Any]) -> str:
    mean = f"{100 * value['mean']:+.2f} %"
    return (
        mean if value["low"] is None else f"{mean}, 95 % of {100 * value['low']:+.2f} to {100 * value['high']:+.2f} %"
    )


def _share(part: int, whole: int) -> str:
    return f"{part} of {whole} ({100 * part / whole:.0f} %)" if whole else "none of 0"
