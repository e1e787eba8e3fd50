"""An intent of the journal as the pages show it: its trade, its attempts, simulated against realised. Pure."""

from __future__ import annotations

from sentinel.core import valuation
from sentinel.core.actions import Approve, Swap
from sentinel.core.network import NATIVE, Network, Symbol
from sentinel.core.units import BPS, GWEI
from sentinel.journal.browsing import IntentEntry
from sentinel.observe import plain_words
from sentinel.observe.web.shown import AttemptLine, Mark, OpenIntentCard, TradeLine
from sentinel.observe.web.shown_decision import EffectLine, TransactionCard


def whole(amount: int, symbol: Symbol, network: Network) -> float:
    """Base units as whole tokens; as they are for a token that the network file no longer has."""
    known = symbol in network.tokens or symbol == NATIVE
    return valuation.whole(amount, symbol, network) if known else float(amount)


def attempts(entry: IntentEntry) -> tuple[AttemptLine, ...]:
    return tuple(
        AttemptLine(
            number=number,
            nonce=attempt.nonce,
            tx_hash=attempt.tx_hash,
            max_fee_gwei=attempt.fees.max_fee / GWEI,
            priority_fee_gwei=attempt.fees.priority_fee / GWEI,
            way=attempt.way,
            cancel=attempt.cancel,
        )
        for number, attempt in enumerate(entry.attempts, 1)
    )


def open_card(entry: IntentEntry, network: Network) -> OpenIntentCard:
    return OpenIntentCard(
        id=entry.intent.id,
        seq=entry.cycle,
        words=plain_words.action(entry.intent.decision.simulation.candidate.action, network),
        state=entry.state,
        since=entry.at,
        deadline=entry.intent.deadline,
        attempts=attempts(entry),
    )


def trade_line(entry: IntentEntry, network: Network) -> TradeLine:
    action = entry.intent.decision.simulation.candidate.action
    coin, buys, price = _priced(entry, network)
    gas = None
    if entry.settled is not None:
        gas = -whole(valuation.value({NATIVE: -entry.settled.gas_cost}, entry.marks, network), network.quote, network)
    return TradeLine(
        at=entry.at,
        seq=entry.cycle,
        words=plain_words.action(action, network),
        state=entry.state,
        gave=_gave(entry, network),
        price=price,
        coin=coin,
        buys=buys,
        gas=gas,
        pnl=None if entry.pnl is None else whole(entry.pnl, network.quote, network),
        shortfall_bps=entry.shortfall_bps,
    )


def mark(entry: IntentEntry, network: Network) -> Mark | None:
    """The trade on the chart of prices; None if it did not trade a coin for the quote token, or failed."""
    coin, buys, price = _priced(entry, network)
    if price is None or entry.state in ("reverted", "expired", "cancelled"):
        return None
    words = plain_words.action(entry.intent.decision.simulation.candidate.action, network)
    return Mark(entry.at, coin, price, buys, entry.state, words, entry.cycle)


def transaction_card(entry: IntentEntry, network: Network) -> TransactionCard:
    tx, action, end = entry.intent.tx, entry.intent.decision.simulation.candidate.action, entry.settled
    gas = ""
    if end is not None and end.gas_used:
        cost = whole(valuation.value({NATIVE: end.gas_cost}, entry.marks, network), network.quote, network)
        gas = f"{end.gas_used:,} gas, {plain_words.amount(end.gas_cost, NATIVE, network)} ({cost:,.4f} {network.quote})"
    return TransactionCard(
        intent_id=entry.intent.id,
        state=entry.state,
        to=tx.to,
        calldata="0x" + tx.data.hex(),
        value=plain_words.amount(tx.value, NATIVE, network),
        gas_limit=tx.gas_limit,
        min_out=plain_words.amount(action.min_out, action.token_out, network) if isinstance(action, Swap) else "",
        deadline=entry.intent.deadline,
        attempts=attempts(entry),
        tx_hash=(end.tx_hash or "") if end is not None else "",
        block=None if end is None else end.block_number,
        gas=gas,
        pnl=None if entry.pnl is None else whole(entry.pnl, network.quote, network),
        shortfall_bps=entry.shortfall_bps,
        effects=effects(entry, network),
        unread=end is not None and end.unread,
    )


def effects(entry: IntentEntry, network: Network) -> tuple[EffectLine, ...]:
    """Each token that the trade changes, as simulated and as settled."""
    simulated, end = entry.intent.decision.simulation.deltas, entry.settled
    known = end is not None and not end.unread
    realised = end.realised if end is not None and known else {}
    lines = []
    for symbol in sorted({*simulated, *realised}):
        was, became = simulated.get(symbol, 0), realised.get(symbol, 0)
        difference = (became - was) * BPS / abs(was) if known and was else None
        lines.append(
            EffectLine(
                symbol, whole(was, symbol, network), whole(became, symbol, network) if known else None, difference
            )
        )
    return tuple(lines)


def _gave(entry: IntentEntry, network: Network) -> str:
    action = entry.intent.decision.simulation.candidate.action
    if not isinstance(action, Swap):
        return ""
    return plain_words.amount(_changes(entry).get(action.token_out, 0), action.token_out, network)


def _changes(entry: IntentEntry) -> dict[Symbol, int]:
    """What it realised if that is known, otherwise what was simulated; base units."""
    end = entry.settled
    return dict(entry.intent.decision.simulation.deltas if end is None or end.unread else end.realised)


def _priced(entry: IntentEntry, network: Network) -> tuple[Symbol, bool, float | None]:
    """The coin that was traded for the quote token, whether it was bought, and quote tokens per coin."""
    action, quote = entry.intent.decision.simulation.candidate.action, network.quote
    if isinstance(action, Approve) or not isinstance(action, Swap) or action.is_cycle:
        return "", False, None
    if quote not in (action.token_in, action.token_out):
        return "", False, None
    buys = action.token_in == quote
    coin, changes = action.token_out if buys else action.token_in, _changes(entry)
    coins, money = (abs(whole(changes.get(symbol, 0), symbol, network)) for symbol in (coin, quote))
    return coin, buys, money / coins if coins else None
