"""Small frozen values for tests of the daemon's frame."""

from __future__ import annotations

from typing import cast

from sentinel.config.network_file import load_network
from sentinel.core.actions import Candidate, Discarded, DiscardReason, Finish, Leg, Proposal, Route, Sample, Stage, Swap
from sentinel.core.decision import Act, Decision, Hold, HoldReason
from sentinel.core.market_state import Head, MarketState
from sentinel.core.network import NATIVE, HexHash
from sentinel.core.record import CycleRecord
from sentinel.core.simulation import Refusal, SimEnv, Simulation, TxRequest
from sentinel.core.transaction import Outcome, Settled

NETWORK = load_network("devnet")
WALLET = "0x1111111111111111111111111111111111111111"


def head(number: int = 7, timestamp: int = 1_000) -> Head:
    return Head(
        number,
        HexHash(f"0x{number:064x}"),
        HexHash(f"0x{number - 1:064x}"),
        timestamp,
        10**9,
        30_000_000,
        WALLET,
        "0x" + "0" * 64,
    )


def state(at: Head) -> MarketState:
    """Half a coin for gas, 1 WETH at 2,000 and 1,000 USDC: 4,000 in all."""
    return MarketState(
        head=at,
        wallet=WALLET,
        balances={"WETH": 10**18, "USDC": 1_000 * 10**6, NATIVE: 5 * 10**17},
        pools={},
        prices={"WETH": 2_000.0, "USDC": 1.0},
        reference={},
        history={},
        nonce=0,
        permit_nonces={},
        allowances={"WETH": 10**18},
        priority_fee=10**9,
    )


def simulation(index: int = 0, at: Head | None = None) -> Simulation:
    at = at or head()
    leg = Leg("WETH/USDC-v3-500", "WETH", "USDC", "uniswap_v3")
    swap = Swap((Route((leg,), 10**17),), 199 * 10**6, at.timestamp + 120)
    env = SimEnv(0, 2 * 10**9, 10**9, at.hash, at.number + 1, at.timestamp, 10**9, 30_000_000, WALLET, "0x0")
    deltas = {"WETH": -(10**17), "USDC": 200 * 10**6}
    return Simulation(Candidate(index, swap, ""), TxRequest(WALLET, b"", 0, 1), env, deltas, 10**17, 1, (), None)


NO_NAME = cast(DiscardReason, "<script>" * 20)  # what no code gives; a page and a metric must bear it


def record(decision: Decision, at: Head | None = None, *, intent_id: str | None = None) -> CycleRecord:
    at = at or head()
    proposal = Proposal(
        asked=8,
        candidates=tuple(Candidate(i, simulation(i).candidate.action, "") for i in range(6)),
        discarded=(Discarded(6, Stage.PARSE, DiscardReason.NO_CODE), Discarded(7, Stage.ACTION, NO_NAME)),
        prompt=(),
        samples=tuple(Sample(1, i, "secret words", 30, Finish.STOP) for i in range(8)),
        steps=2,
        source="oracle",
    )
    tried = tuple(simulation(i, at) for i in range(6))
    refusals = (Refusal(5, "slippage", "too much"),)
    return CycleRecord(
        at, state(at), None, proposal, tried, refusals, decision, (), intent_id, {"propose": 0.5, "total": 0.7}
    )


def act() -> Act:
    return Act(simulation(), votes=5, asked=8, margin=5, spread_bps=12)


def hold(reason: HoldReason = HoldReason.NO_MAJORITY, detail: str = "") -> Hold:
    return Hold(reason, 3, 8, detail)


def settled(intent_id: str = "a1", usdc: int = 200 * 10**6) -> Settled:
    realised = {"WETH": -(10**17), "USDC": usdc}
    return Settled(intent_id, Outcome.CONFIRMED, HexHash("0x" + "ab" * 32), 9, 150_000, 3 * 10**14, realised)
