"""Runs the demo: starts local market, fork, vLLM and daemon, has an order read and approved, trades, stops them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path
from typing import Any

from eth_account import Account

from sentinel.agent.vllm_server import served
from sentinel.chain.heads import latest_head
from sentinel.config.contradictions import require_consistent
from sentinel.config.settings import Settings, load
from sentinel.core import valuation
from sentinel.core.decision import Act
from sentinel.core.host.places import student_folder
from sentinel.core.host.process import free_port, port_taken
from sentinel.core.network import NATIVE, Network, Symbol
from sentinel.core.record import CycleRecord
from sentinel.core.simulation import Simulation
from sentinel.core.transaction import Settled, shortfall_bps
from sentinel.core.units import COIN
from sentinel.daemon.reporting import OnCycle, OnSettled
from sentinel.daemon.serve import run
from sentinel.daemon.wiring import App, opened
from sentinel.market import Devnet, PricePath
from sentinel.market.crowd import CrowdBehaviour
from sentinel.market.local_market import LocalMarket
from sentinel.orders.language.reading import render
from sentinel.paper import demo_summary
from sentinel.paper.demo_order import READING, NotApproved, Report, SpokenOrder, approve, typed
from sentinel.paper.screen import Lines, LiveTable, Screen
from sentinel.prices import DEFAULT

NETWORK = "devnet"
BLOCK_TIME = 2.0  # seconds
PATIENCE = 30.0  # maximum seconds to wait for the open intent after Ctrl-C
IDLE = 0.5  # seconds until the next block at block time 0 if no cycle ends
# Unless the settings say otherwise: the student's programs are kept for many blocks, and two busy cores get time.
PATIENT = {
    "model": {"resample": 30, "timeout": 60.0, "episode_timeout": 60.0},  # blocks, seconds, seconds
    "reading": {"timeout": 300.0},  # seconds
}
PURSE = {"WETH": COIN, "USDC": 10_000 * 10**6, NATIVE: COIN}  # base units
CROWD = CrowdBehaviour(ahead=0.2)  # in a fifth of the blocks the crowd trades first, so that realised amounts differ
PORTS = {"chain": 8545, "model": 8100, "web": 8787}

ShowReadings = Callable[[Settings, Report], Iterable[str]]


def main(
    blocks: int | None,
    as_json: bool = False,
    *,
    block_time: float = BLOCK_TIME,
    proposer: str | None = None,
    program: Path | None = None,
    order: str | None = None,
    words: str | None = None,
    show: ShowReadings = lambda settings, report: (),
    prices: str = DEFAULT,
    start: int | None = None,
) -> int:
    """Run the demo for `blocks` cycles, or until Ctrl-C if None. `block_time` is in seconds.

    `proposer`, `program` and `order` replace SENTINEL_PROPOSER, SENTINEL_STRATEGY__FILE and SENTINEL_STRATEGY__ORDER.
    The oracle plays `order`, a reading, if no proposer is given. The student reads `words`; without either, and unless
    the settings have an order, it reads the demo's own. vLLM starts only for the student. `show` gives the lines that
    people are shown of readings. The market follows `prices` from the time `start` (`PricePath.of`).

    Returns the process's exit code: 0 only if at least one trade was confirmed and none is unknown, 130 after Ctrl-C
    during the start. With `block_time` 0 the next block follows when a cycle is recorded. Raises OperatorError and
    Unavailable.
    """
    wanted: dict[str, Any] = {
        "proposer": proposer or ("oracle" if order else "student" if words else None),
        "strategy": {"file": program, "order": order},
    }
    if words is not None:
        wanted["strategy"] |= {"order": "", "order_hash": ""}
    data_dir = load(Path(".env"), **without_none(wanted)).data_dir
    path = PricePath.of(prices, start=start, data_dir=data_dir)
    home = Path(tempfile.mkdtemp(prefix="sentinel-demo-"))
    try:
        summary = run(_demo(home, blocks, as_json, block_time, wanted, words, show, path))
    except KeyboardInterrupt:
        print("stopped before the first block", file=sys.stderr)
        shutil.rmtree(home, ignore_errors=True)
        return 130
    except NotApproved:
        shutil.rmtree(home, ignore_errors=True)
        raise
    except BaseException:
        print(f"logs: {home}", file=sys.stderr)
        raise
    shutil.rmtree(home, ignore_errors=True)
    return 0 if summary.good else 1


async def _demo(
    home: Path,
    blocks: int | None,
    as_json: bool,
    block_time: float,
    wanted: dict[str, Any],
    words: str | None,
    show: ShowReadings,
    prices: PricePath,
) -> demo_summary.DemoSummary:
    ports = {name: free_port() if port_taken(port) else port for name, port in PORTS.items()}
    account = Account.create()
    key_file = home / "dev.key"
    key_file.touch(mode=0o600)
    key_file.write_text(account.key.hex())
    async with contextlib.AsyncExitStack() as stack:
        log = stack.enter_context((home / "sentinel.log").open("w"))
        net = await stack.enter_async_context(
            Devnet.start(port=ports["chain"], prices=prices, behaviour=CROWD, log=home / "chain.log")
        )
        await net.fund(account.address, PURSE)
        screen: Screen = Lines(net.network) if as_json or not sys.stderr.isatty() else LiveTable(net.network)
        screen.say(f"local market on {net.rpc_url}: real contracts, {net.market.source}")
        settings, spoken = _settings(home, net, ports, key_file, wanted, words)
        require_consistent(settings, net.network)  # before vLLM takes its time
        if settings.proposer == "student":
            screen.say("vLLM loads the student: about a minute on two idle cores, minutes on busy ones …")
            await stack.enter_async_context(served(student_folder(), port=ports["model"], log=home / "vllm.log"))
        prior = {
            "WETH": [bar.weth for bar in net.market.before],
            "WBTC": [bar.wbtc for bar in net.market.before],
            net.network.quote: [1.0] * len(net.market.before),
        }
        recorded = asyncio.Event()
        on_cycle, on_settled = _watching(net.network, screen, recorded)
        app = await stack.enter_async_context(
            opened(settings, cycles=blocks, prior=prior, log_to=log, on_cycle=on_cycle, on_settled=on_settled)
        )
        reading = await _reading(app, spoken, screen, show, not as_json)
        screen.start(f"http://{settings.web.host}:{settings.web.port}", net.market.source, reading)
        try:
            async with _mining(net.market, block_time, recorded):
                await app.daemon.run()
                await _settle(app)
        finally:
            screen.stop()
        end = await app.parts.market.read(await latest_head(net.rpc))
        summary = demo_summary.summarise(app.parts.journal.summary(), PURSE, end, net.network, net.market)
    if as_json:
        print(json.dumps(demo_summary.as_json(summary)))
    else:
        demo_summary.show(summary, net.network)
    return summary


async def _reading(app: App, spoken: SpokenOrder | None, screen: Screen, show: ShowReadings, may_ask: bool) -> str:
    """The reading that is traded; empty if the proposer has no order. Words are read and approved first."""
    if spoken is None:
        standing = app.parts.force.value.order
        return "" if standing is None else render(standing.order)
    ask = typed if may_ask and sys.stdin.isatty() and sys.stderr.isatty() else None
    settings = app.parts.settings
    return await approve(app.operator, spoken, screen.say, lambda report: show(settings, report), ask)


def _settings(
    home: Path, net: Devnet, ports: dict[str, int], key_file: Path, wanted: dict[str, Any], words: str | None
) -> tuple[Settings, SpokenOrder | None]:
    """The operator's settings with `wanted` over them, except for the parts that the demo starts itself; and the order
    that is to be read from words, if any."""
    given = load(Path(".env"), **without_none(wanted))
    explicit = without_none(wanted) | {
        "network": NETWORK,
        "state_dir": home,
        "rpc": {"url": net.rpc_url, "ws_url": net.ws_url},
        "web": {"port": ports["web"]},
        "wallet": {"dev_key_file": key_file, **dict.fromkeys(("keystore_file", "signer_socket")), "web3signer_url": ""},
        "execution": {"mode": "live", "confirmations": 1},
    }
    spoken = None if words is None else SpokenOrder(words, own=True)
    if words is not None:
        explicit["strategy"]["order_file"] = None
    elif given.needs_order and not (given.strategy.order or given.strategy.order_file):
        if given.proposer == "student":
            spoken = SpokenOrder()
        else:
            explicit["strategy"] = explicit.get("strategy", {}) | {"order": READING}
    if given.proposer == "student":
        explicit["model"] = {"url": f"http://127.0.0.1:{ports['model']}/v1"}
        for group, values in PATIENT.items():
            named = getattr(given, group).model_fields_set
            explicit.setdefault(group, {}).update({name: of for name, of in values.items() if name not in named})
    return load(Path(".env"), **explicit), spoken


def without_none(values: dict[str, Any]) -> dict[str, Any]:
    """`values` without each None, in groups too."""
    kept = {name: without_none(value) if isinstance(value, dict) else value for name, value in values.items()}
    return {name: value for name, value in kept.items() if value not in (None, {})}


def _watching(network: Network, screen: Screen, recorded: asyncio.Event) -> tuple[OnCycle, OnSettled]:
    """Observers that draw cycles and settlements on the screen and set `recorded` after each cycle."""
    start = dict[Symbol, int](PURSE)
    simulations: dict[str, Simulation] = {}

    def on_cycle(record: CycleRecord) -> None:
        equity = hold = None
        if record.state is not None:
            equity = valuation.state_equity(record.state, network)
            hold = valuation.equity(start, record.state.prices, network)
        if record.intent_id and isinstance(record.decision, Act):
            simulations[record.intent_id] = record.decision.simulation
        screen.cycle(record, equity, hold)
        recorded.set()

    def on_settled(settled: Settled) -> None:
        simulation = simulations.pop(settled.intent_id, None)
        screen.settled(settled, shortfall_bps(simulation, settled) if simulation else None)

    return on_cycle, on_settled


async def _settle(app: App) -> None:
    """Follow the intent that is open after Ctrl-C, at most PATIENCE seconds, so that the summary knows its outcome."""
    until = time.monotonic() + PATIENCE
    follower = app.daemon.loop.follower
    while follower.open_intent is not None and time.monotonic() < until:
        await follower.on_head(await latest_head(app.parts.rpc))
        await asyncio.sleep(0.1)


@contextlib.asynccontextmanager
async def _mining(market: LocalMarket, block_time: float, recorded: asyncio.Event) -> AsyncIterator[None]:
    """Produce blocks while the body runs. If the market fails, the body is cancelled and the error is raised."""
    async with asyncio.TaskGroup() as group:
        task = group.create_task(market.run(block_time) if block_time > 0 else _paced(market, recorded))
        yield
        task.cancel()


async def _paced(market: LocalMarket, recorded: asyncio.Event) -> None:
    """Produce the next block when a cycle is recorded, or after IDLE if none ends (start-up, the last transaction)."""
    while True:
        recorded.clear()
        await market.step()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(recorded.wait(), IDLE)
