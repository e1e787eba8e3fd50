"""A web server over a journal that the test wrote, with text of any kind in it."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

from sentinel.config.limits import Limits, LimitSettings
from sentinel.config.settings import Settings, load
from sentinel.core.actions import (
    Candidate,
    Discarded,
    DiscardReason,
    Finish,
    Leg,
    Proposal,
    Route,
    Sample,
    Stage,
    Swap,
)
from sentinel.core.decision import Act, Hold, HoldReason, Verdict
from sentinel.core.network import Network, Token
from sentinel.core.record import CycleRecord, PlayedOrder
from sentinel.core.simulation import Refusal
from sentinel.core.transaction import Outcome
from sentinel.daemon.page.journal_pages import JournalPages
from sentinel.daemon.page.journal_thread import JournalThread
from sentinel.journal.journal import Journal
from sentinel.observe.health import Health
from sentinel.observe.internal_errors import InternalErrors
from sentinel.observe.logs import logger
from sentinel.observe.metrics import Metrics
from sentinel.observe.status_board import Board
from sentinel.observe.web.pages import Controls
from sentinel.observe.web.web_server import WebServer
from tests.journal import values

HOSTILE = (
    "<script>window.pwned=1</script><img src=x onerror=window.pwned=2><svg onload=window.pwned=3>"
    '{{ 7*7 }}\u202e gnp.exe\u2066\u200b\'" onmouseover=window.pwned=4 x="javascript:window.pwned=5'
)
SYMBOL = "<b onclick=window.pwned=6>W\u202eETH</b>"


def hostile_network() -> Network:
    tokens = {**values.NETWORK.tokens, SYMBOL: Token(SYMBOL, "0x" + "0c" * 20, 18)}
    return dataclasses.replace(values.NETWORK, tokens=tokens)


def hostile_cycle() -> tuple[CycleRecord, Act]:
    """An act whose every text is hostile: symbols, thoughts, code, revert, refusals, verdicts, prompt."""
    act = values.act()
    legs = (Leg("pool " + HOSTILE, "USDC", SYMBOL, "uniswap_v2"),)
    swap = Swap((Route(legs, 500 * 10**6),), 10**17, 2**31)
    simulation = dataclasses.replace(
        act.simulation, candidate=Candidate(0, swap, HOSTILE), deltas={"USDC": -500 * 10**6, SYMBOL: 25 * 10**16}
    )
    act = dataclasses.replace(act, simulation=simulation)
    others = [
        dataclasses.replace(simulation, candidate=Candidate(index, swap, HOSTILE), revert=revert)
        for index, revert in ((1, None), (2, HOSTILE), (3, None), (4, None), (5, None))
    ]
    fault = Discarded(6, Stage.CODE, DiscardReason.FAILED, HOSTILE)
    samples = [Sample(1, i, HOSTILE, 9, Finish.STOP) for i in range(2)]
    samples += [
        Sample(1, i, f"Thought: {HOSTILE}\nCode:\n```py\nbuy(1)\n```<end_code>", 9, Finish.STOP) for i in (2, 3)
    ]
    tried = (simulation, *others)
    proposal = Proposal(
        asked=8,
        candidates=tuple(one.candidate for one in tried),
        discarded=(fault, Discarded(7, Stage.PARSE, DiscardReason.NO_CODE, HOSTILE)),
        prompt=({"role": HOSTILE, "content": HOSTILE},),
        samples=tuple(samples),
        steps=1,
        source=HOSTILE,
        judged={HOSTILE: (True, False) * 4},
    )
    base = values.cycle(decision=act)
    assert base.state is not None
    state = dataclasses.replace(
        base.state,
        balances={**base.state.balances, SYMBOL: 10**18, "WETH": 10**18},
        prices={**base.state.prices, SYMBOL: 2_000.0},
    )
    record = dataclasses.replace(
        base,
        state=state,
        proposal=proposal,
        simulations=tried,
        refusals=(Refusal(2, "reverted", HOSTILE), Refusal(1, HOSTILE, HOSTILE)),
        verdicts=(Verdict(HOSTILE, True, HOSTILE), Verdict("funds", True, "500 USDC needed, 9,000 held")),
        played=PlayedOrder("ab", HOSTILE),
        decision=dataclasses.replace(act, votes=4, asked=8),
    )
    assert isinstance(record.decision, Act)
    return record, record.decision


def write(path: Path, network: Network = values.NETWORK, clock: Callable[[], float] | None = None) -> list[int]:
    """Holds and a confirmed trade with a shortfall, and a hostile trade too. Returns the records of the cycles."""
    with contextlib.closing(
        Journal.open(path, network, values.GENESIS, values.WALLET, clock=clock or values.Clock())
    ) as journal:
        state = values.cycle().state
        assert state is not None
        journal.equity.observe(state)
        journal.record(values.cycle())
        intent = values.intent()
        journal.accept(values.cycle(intent), intent)
        values.end(journal, values.settled(intent, out=24 * 10**16))
        journal.record(values.cycle(decision=Hold(HoldReason.PAUSED, detail=HOSTILE)))
        if network is not values.NETWORK:
            record, act = hostile_cycle()
            hostile = values.intent(act)
            journal.accept(dataclasses.replace(record, intent_id=hostile.id), hostile)
            values.end(journal, values.settled(hostile, Outcome.REVERTED))
        return [line.id for line in reversed(journal.cycles(100))]


def limits(network: Network) -> Limits:
    return Limits.of(LimitSettings(), network)


def pages(path: Path, network: Network = values.NETWORK, given: Settings | None = None) -> JournalPages:
    kept = given or load(None)
    return JournalPages(
        thread=JournalThread(path, network, values.WALLET, values.GENESIS),
        network=network,
        settings=lambda: kept,
        limits=lambda: limits(network),
        base_fee=lambda: 10**9,
        clock=values.Clock(),
    )


def server(
    path: Path,
    board: Board,
    network: Network = values.NETWORK,
    *,
    port: int = 0,
    status: Mapping[str, Any] | None = None,
    controls: Controls | None = None,
) -> WebServer:
    metrics = Metrics(network)
    facts = {"state": "running", "proposer": "oracle", "paused": None, "order": None, "endpoints": [], **(status or {})}
    return WebServer(
        "127.0.0.1",
        port,
        board=board,
        metrics=metrics,
        health=Health(max_head_age=60, clock=lambda: 1_000.0),
        status=lambda: {**board.status(), **facts},
        pages=pages(path, network),
        errors=InternalErrors(metrics, logger()),
        controls=controls,
    )


@contextlib.asynccontextmanager
async def serving(
    path: Path,
    network: Network = values.NETWORK,
    *,
    status: Mapping[str, Any] | None = None,
    controls: Controls | None = None,
    board: Board | None = None,
) -> AsyncIterator[Board]:
    """The server, as the daemon makes it; the board has its address."""
    made = board or Board(network, mode="dry", wallet=values.WALLET, version="0")
    web = server(path, made, network, status=status, controls=controls)
    await web.start()
    try:
        yield made
    finally:
        await web.stop()
