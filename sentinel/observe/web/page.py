"""The status page as one HTML text without external parts. Pure; every value is escaped."""

from __future__ import annotations

import time
from collections.abc import Sequence
from html import escape
from typing import Any

from sentinel.observe.health import Check

REFRESH = 3  # seconds
STYLE = """
body{font:15px/1.45 system-ui,sans-serif;margin:1.5rem auto;max-width:60rem;padding:0 1rem;
color:#1b1f24;background:#fbfbfc}
h1{font-size:1.3rem;margin:0 0 .2rem}h2{font-size:1rem;margin:1.4rem 0 .4rem}
table{border-collapse:collapse;width:100%}
td,th{text-align:left;padding:.2rem .8rem .2rem 0;border-bottom:1px solid #e3e5e8;vertical-align:top}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}
.ok{color:#0a7d33}.bad{color:#b3261e}.dim{color:#667}
svg{width:100%;height:4rem;display:block}
@media(prefers-color-scheme:dark){body{color:#e4e6e9;background:#15171a}td,th{border-color:#333}.ok{color:#5bd083}
.bad{color:#ff8a80}}
"""


def render(
    status: dict[str, Any],
    cycles: Sequence[dict[str, Any]],
    trades: Sequence[dict[str, Any]],
    equity: Sequence[float],
    checks: Sequence[Check],
) -> str:
    quote = escape(str(status.get("quote", "")))
    head = status.get("head") or {}
    facts = [
        ("state", status.get("state")),
        ("network", f"{status.get('network')} (chain {status.get('chain_id')})"),
        ("mode", "live" if status.get("mode") == "live" else "dry run: nothing is sent"),
        ("proposer", status.get("proposer")),
        ("head", f"{head.get('number', '-')}, {status.get('head_age_seconds', '-')} s old"),
        ("in flight", status.get("in_flight") or "nothing"),
        ("cycles", f"{status.get('cycles')}: {status.get('acts')} acts, {status.get('holds')} holds"),
        ("transactions", _counts(status.get("transactions") or {})),
    ]
    if status.get("paused"):
        facts.insert(1, ("paused", status["paused"]))
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Sentinel</title>
<meta http-equiv="refresh" content="{REFRESH}"><meta name="viewport" content="width=device-width">
<style>{STYLE}</style></head><body>
<h1>Sentinel</h1><p class="dim"><a href="/metrics">metrics</a> <a href="/status.json">status.json</a>
<a href="/healthz">healthz</a> <a href="/readyz">readyz</a></p>
<table>{"".join(_row(name, value) for name, value in facts)}</table>
<h2>Checks</h2><table>{"".join(_check(check) for check in checks)}</table>
<h2>Equity {_money(equity[-1]) if equity else "-"} {quote}</h2>{sparkline(equity)}
<h2>Positions</h2><table><tr><th>token</th><th class="n">amount</th><th class="n">worth in {quote}</th></tr>
{"".join(_position(name, held) for name, held in (status.get("positions") or {}).items())}</table>
<h2>Last decisions</h2><table><tr><th class="n">block</th><th>decision</th><th class="n">seconds</th></tr>
{"".join(_cycle(item) for item in cycles[:20])}</table>
<h2>Last transactions</h2><table><tr><th>outcome</th><th>what</th><th class="n">drift bps</th></tr>
{"".join(_trade(item) for item in trades[:20])}</table>
<p class="dim">as of {time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime())} UTC</p></body></html>
"""


def sparkline(values: Sequence[float], width: int = 600, height: int = 60) -> str:
    """An inline SVG line; a flat one lies in the middle."""
    if len(values) < 2:
        return '<p class="dim">not enough points yet</p>'
    low, high = min(values), max(values)
    span = (high - low) or 1.0
    base = 0.5 if high == low else 0.0
    points = " ".join(
        f"{i * width / (len(values) - 1):.1f},{height - 3 - (base + (value - low) / span) * (height - 6):.1f}"
        for i, value in enumerate(values)
    )
    title = f"from {_money(values[0])} to {_money(values[-1])}, between {_money(low)} and {_money(high)}"
    return (
        f'<svg viewBox="0 0 {width} {height}" preserveAspectRatio="none" role="img"><title>{escape(title)}</title>'
        f'<polyline points="{points}" fill="none" stroke="currentColor" stroke-width="1.5"/></svg>'
    )


def _row(name: str, value: object) -> str:
    return f"<tr><th>{escape(name)}</th><td>{escape(str(value))}</td></tr>"


def _check(check: Check) -> str:
    kind = "ok" if check.ok else "bad"
    mark = "ok" if check.ok else "not ok"
    return f'<tr><th>{escape(check.name)}</th><td class="{kind}">{mark}</td><td>{escape(check.why)}</td></tr>'


def _position(name: str, held: dict[str, float]) -> str:
    return (
        f'<tr><td>{escape(name)}</td><td class="n">{held["amount"]:,.6g}</td>'
        f'<td class="n">{_money(held["worth"])}</td></tr>'
    )


def _cycle(item: dict[str, Any]) -> str:
    return (
        f'<tr><td class="n">{escape(str(item["block"]))}</td><td>{escape(str(item["words"]))}</td>'
        f'<td class="n">{item["seconds"]:.2f}</td></tr>'
    )


def _trade(item: dict[str, Any]) -> str:
    drift = "-" if item["drift_bps"] is None else f"{item['drift_bps']:+.2f}"
    return (
        f"<tr><td>{escape(str(item['outcome']))}</td><td>{escape(str(item['words']))}</td>"
        f'<td class="n">{drift}</td></tr>'
    )


def _counts(found: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in found.items()) or "none"


def _money(value: float) -> str:
    return f"{value:,.2f}"
