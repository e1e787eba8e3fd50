"""Plain values that the journal's and the executor's tests are made of."""

from __future__ import annotations

import contextlib
import secrets
import sqlite3
import zlib
from pathlib import Path

from sentinel.core.actions import Candidate, Leg, Proposal, Route, Swap
from sentinel.core.decision import Act, Hold, HoldReason
from sentinel.core.market_state import Head, MarketState, Reference, V2State, V3State
from sentinel.core.network import NATIVE, HexHash, Network, Token
from sentinel.core.record import CycleRecord
from sentinel.core.simulation import SimEnv, Simulation, TxRequest
from sentinel.core.transaction import Attempt, Fees, Intent, Outcome, Settled
from sentinel.journal.journal import VERSION, Journal
from sentinel.journal.ledger import Ledger
from sentinel.journal.states import State

NOON = 1_700_049_600.0  # 12:00 UTC
WALLET = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
GENESIS = "0x" + "ab" * 32
ROUTER = "0x" + "03" * 20
NETWORK = Network(
    name="test",
    chain_id=31337,
    pinned_block=None,
    pinned_hash=None,
    quote="USDC",
    wrapped="WETH",
    tokens={"USDC": Token("USDC", "0x" + "01" * 20, 6), "WETH": Token("WETH", "0x" + "02" * 20, 18)},
    pools={},
    feeds={},
    universal_router=ROUTER,
    permit2="0x" + "04" * 20,
    multicall3="0x" + "05" * 20,
    v3_quoter=None,
    hardfork="cancun",
    block_time=1.0,
)
HEAD = Head(
    100,
    HexHash("0x" + "10" * 32),
    HexHash("0x" + "0f" * 32),
    1_700_000_000,
    10**9,
    30_000_000,
    "0x" + "00" * 20,
    "0x" + "77" * 32,
)


class Clock:
    """A clock that stands still until a test sets `now` (Unix seconds)."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> float:
        return self.now


def state(price: float = 2000.0) -> MarketState:
    return MarketState(
        head=HEAD,
        wallet=WALLET,
        balances={NATIVE: 10**20, "USDC": 10**10, "WETH": 2**200},
        pools={"a": V2State(2**111, 3), "b": V3State(2**96, -5, 2**127, ((-10, -(2**70)), (10, 7)), -100, 100)},
        prices={"USDC": 1.0, "WETH": price},
        reference={"WETH": Reference(int(price * 10**8), 8, 1_700_000_000)},
        history={"WETH": (1999.5, price)},
        nonce=7,
        permit_nonces={"USDC": 0},
        allowances={"USDC": 2**256 - 1},
        priority_fee=10**9,
    )


def act(amount_in: int = 500 * 10**6, out: int = 25 * 10**16, tx: TxRequest | None = None, deadline: int = 0) -> Act:
    """USDC in, WETH out."""
    swap = Swap((Route((Leg("a", "USDC", "WETH", "uniswap_v2"),), amount_in),), out * 99 // 100, deadline or 2**31)
    env = SimEnv(7, 3 * 10**9, 10**9, HEAD.hash, 101, HEAD.timestamp + 1, 10**9, 30_000_000, HEAD.coinbase, "0x00")
    simulation = Simulation(
        candidate=Candidate(0, swap, "Thought: \ud83d \u2028 'rebalance'"),
        tx=tx or TxRequest(ROUTER, b"\x35\x93\x56\x4c\x00\xff", 0, 100_000),
        env=env,
        deltas={"USDC": -amount_in, "WETH": out},
        gross=amount_in,
        gas_used=90_000,
        logs=(),
        revert=None,
    )
    return Act(simulation, 5, 8, 3, 12)


def intent(decision: Act | None = None, *, signed: bool = True) -> Intent:
    decision = decision or act()
    simulation = decision.simulation
    assert simulation.tx is not None
    deadline = simulation.candidate.action.deadline if isinstance(simulation.candidate.action, Swap) else 0
    return Intent(secrets.token_hex(16), decision, simulation.tx, signed, simulation.env, deadline, 1_700_000_000)


def cycle(of: Intent | None = None, decision: Act | Hold | None = None) -> CycleRecord:
    chosen = of.decision if of else decision or Hold(HoldReason.NO_MAJORITY, 3, 8, "only 3 of 8 agree")
    simulations = (chosen.simulation,) if isinstance(chosen, Act) else ()
    proposal = Proposal(
        8, tuple(s.candidate for s in simulations), (), ({"role": "user", "content": "é"},), (), 2, "oracle"
    )
    timings = {"total": 0.125}
    return CycleRecord(HEAD, state(), None, proposal, simulations, (), chosen, (), of.id if of else None, timings)


def attempt(of: Intent, nonce: int = 0, salt: int = 0) -> Attempt:
    return Attempt(of.id, nonce, Fees(10**9, 10**9), HexHash(f"0x{of.id}{salt:032x}"), b"\x02\xf8" + bytes([salt]))


def settled(of: Intent, outcome: Outcome = Outcome.CONFIRMED, out: int = 25 * 10**16) -> Settled:
    gross = of.decision.simulation.gross
    realised = {"USDC": -gross, "WETH": out} if outcome is Outcome.CONFIRMED else {}
    return Settled(of.id, outcome, HexHash("0x1"), 101, 90_000, 10**15, realised)


def end(journal: Journal, how: Settled) -> int:
    """From wherever it stands to its end, by the steps that an executor journals. Its profit."""
    (pending,) = [one for one in journal.open_intents() if one.intent.id == how.intent_id]
    if how.outcome is not Outcome.EXPIRED:
        if not pending.attempts:
            journal.attempt(attempt(pending.intent, journal.next_nonce()))
        journal.transition(how.intent_id, State.SENT)
        if how.outcome is not Outcome.UNKNOWN:
            journal.transition(how.intent_id, State.SEEN)
    return journal.settle(how)


def tamper(path: Path, before: str, after: str) -> int:
    """Replace text in every record as an editor of the file would, hashes untouched. The number of changed records."""
    ledger = Ledger(path, "", VERSION, read_only=True)
    rows = [
        (seq, text) for seq, text in ledger.all("SELECT seq, unpacked(body, packed) FROM records") if before in text
    ]
    ledger.close()
    with contextlib.closing(sqlite3.connect(path)) as db, db:
        for seq, text in rows:
            changed = text.replace(before, after).encode()
            db.execute("UPDATE records SET body = '', packed = ? WHERE seq = ?", (zlib.compress(changed), seq))
    return len(rows)


def bodies(path: Path, kind: str) -> list[tuple[int, str]]:
    """Number and text of each record of this kind, oldest first, beside the daemon that writes them."""
    ledger = Ledger(path, "", VERSION, read_only=True)
    try:
        return ledger.all("SELECT seq, unpacked(body, packed) FROM records WHERE kind = ? ORDER BY seq", kind)
    finally:
        ledger.close()
