"""The executor and the market's reader against a node that answers nonsense in every place where it may."""

from __future__ import annotations

import json
import random
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from sentinel.agent.tools import Toolbox
from sentinel.chain.heads import latest_head
from sentinel.chain.history import BlockCloses
from sentinel.chain.market_reader import MarketReader
from sentinel.chain.rpc import Call, JsonRpc
from sentinel.core.decision import Hold, HoldReason
from sentinel.core.errors import AgentFault, QuoteError, RpcError, Unavailable
from sentinel.core.market_state import MarketState, MarketView, Regime
from sentinel.core.record import CycleRecord
from sentinel.core.transaction import Outcome
from sentinel.dex.building.action_builder import ActionBuilder
from sentinel.dex.quoting.quoter import DexQuoter
from sentinel.dex.venues.registry import VENUES
from sentinel.journal.journal import Journal
from sentinel.market import Devnet
from sentinel.observe.metrics import Metrics
from sentinel.observe.status_board import Board
from tests.execute.rig import Alone, Rig

pytestmark = pytest.mark.attack("a node that lies", "contained")

LIES: tuple[object, ...] = (
    None, True, -1, 0, 1.5, 10**30, "", "0x", "0xzz", "-0x1", "0x" + "f" * 64, "0x" + "f" * 3_000, "\ud800", [], [[]],
    {}, {"hash": None}, "0x" + "00" * 32, "0x" + "00" * 320,
)  # fmt: skip
WALLET = "0x1212121212121212121212121212121212121212"
ROUNDS = 500


class Liar(Alone):
    """The real node, with one place of one answer changed now and then. Seeded."""

    def __init__(self, rpc: JsonRpc, seed: int, share: float = 0.5) -> None:
        self._rpc = rpc
        self._rng = random.Random(seed)
        self.share = share
        self.told = 0

    async def call(self, method: str, *params: Any, timeout: float | None = None) -> Any:
        return self._twist(await self._rpc.call(method, *params, timeout=timeout))

    async def batch(self, calls: Sequence[Call], timeout: float | None = None) -> list[Any | RpcError]:
        return [one if isinstance(one, RpcError) else self._twist(one) for one in await self._rpc.batch(calls, timeout)]

    def _twist(self, value: Any) -> Any:
        if self._rng.random() > self.share:
            return value
        self.told += 1
        if isinstance(value, dict) and value and self._rng.random() < 0.8:
            name = self._rng.choice([*value])
            changed = {**value, name: self._rng.choice(LIES)}
            if self._rng.random() < 0.3:
                del changed[name]
            return changed
        if isinstance(value, str) and len(value) > 130 and self._rng.random() < 0.8:
            return self._mangled(value)
        return self._rng.choice(LIES)

    def _mangled(self, text: str) -> str:
        """ABI data with a word that says something else, or cut short."""
        raw = bytearray.fromhex(text[2:])
        for _ in range(self._rng.choice((1, 1, 3))):
            at = self._rng.randrange(len(raw) // 32) * 32
            raw[at : at + 32] = self._rng.choice(
                (b"\xff" * 32, b"\0" * 32, self._rng.randbytes(32), b"\0" * 31 + b"\1")
            )
        if self._rng.random() < 0.1:  # well-formed, with no answers at all
            return "0x" + (32).to_bytes(32, "big").hex() + "00" * 32
        end = len(raw) if self._rng.random() < 0.8 else self._rng.randrange(len(raw))
        return "0x" + bytes(raw[:end]).hex()


def used(state: MarketState, devnet: Devnet, journal: Journal, metrics: Metrics, board: Board) -> None:
    """All that a cycle does with a state before the fork is asked: the tools, the record, the figures."""
    view = MarketView({"WETH": 5000, "USDC": 5000}, Regime.UNKNOWN, 1.0, 10**9, "settings")
    box = Toolbox(state, view, devnet.network, DexQuoter(devnet.network), ActionBuilder(devnet.network))
    wanted: list[tuple[Any, tuple[object, ...]]] = [
        (box.equity, ()), (box.weight, ("WETH",)), (box.worth, ("WBTC",)), (box.balance, ("ETH",)),
        (box.prices, ("WETH", 5)), (box.quote, ("USDC", "WETH", 100, "v2")), (box.quote, ("WETH", "USDC", 1, "v3-500")),
        (box.best_venue, ("USDC", "WETH", 50)), (box.best_cycle, ("USDC", "WETH", 500)),
        (box.swap, ("USDC", "WETH", 100, "v3-3000")), (box.swap, ("USDC", "WETH", 100, "v2")),
        (box.cycle, ("USDC", "WETH", 100, "v2", "v3-500")),
    ]  # fmt: skip
    for tool, arguments in wanted:
        try:
            tool(*arguments)
        except (AgentFault, QuoteError):
            continue
    record = CycleRecord(state.head, state, view, None, (), (), Hold(HoldReason.HOLD_VOTED), (), None, {"total": 0.1})
    journal.record(record)
    metrics.observe(record)
    metrics.exposition()
    board.observe(record)
    json.dumps(board.status())


async def test_a_lying_node_is_unavailable_or_believed_but_breaks_nothing(devnet: Devnet, tmp_path: Path) -> None:
    """Hundreds of markets with false answers in them: each is Unavailable, or every part can live with it."""
    await devnet.fund(WALLET, {"WETH": 10**18, "USDC": 10**9, "ETH": 10**18})
    await devnet.market.step()
    head = await latest_head(devnet.rpc)
    liar = Liar(devnet.rpc, seed=7)
    journal = Journal.open(tmp_path / "journal", devnet.network, "0x00", WALLET)
    metrics = Metrics(devnet.network)
    board = Board(devnet.network, version="0", mode="dry", wallet=WALLET, proposer="oracle")
    read = 0
    for round_ in range(ROUNDS):
        if round_ % 20 == 0:  # what an earlier lie left behind as a hint must not be all that is tried
            reader = MarketReader(liar, devnet.network, WALLET, VENUES, BlockCloses(20), min_priority_fee=1)
        liar.share = 0.3 if round_ % 2 else 0.1
        try:
            state = await reader.read(head)
        except Unavailable:
            continue
        read += 1
        used(state, devnet, journal, metrics, board)
    assert liar.told > ROUNDS / 4
    assert ROUNDS / 10 < read < ROUNDS


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with Rig.start(tmp_path) as rig:
        yield rig


@pytest.mark.parametrize("seed", range(4))
async def test_following_goes_on_through_every_lie(rig: Rig, seed: int) -> None:
    """Receipts, blocks and nonces that are nonsense are Unavailable; told the truth again, it ends confirmed, once."""
    await rig.trade(1)
    honest, liar = rig.executor.watch._rpc, Liar(rig.rpc, seed, share=0.6)
    rig.executor.watch._rpc = liar
    head = await rig.mine()
    for _ in range(150):
        try:
            settled = await rig.executor.on_head(head)
        except Unavailable:
            continue
        if settled is not None:  # then the lies hid nothing of what it is judged by
            break
    rig.executor.watch._rpc = honest
    if rig.executor.open_intent is not None:
        settled = await rig.follow()
        assert settled.outcome is Outcome.CONFIRMED
    assert await rig.effects(1) == 1
    assert len({attempt.nonce for attempt in rig.journal.attempts(rig.journal.trades(1)[0].intent_id)}) == 1
    rig.journal.verify()


async def test_a_pause_during_the_last_read_stops_the_signature(rig: Rig) -> None:
    """The latch is asked after the nonce was read, which a slow node may draw out: nothing is signed under it."""
    ask = rig.executor.watch.mined_nonce

    async def slow() -> tuple[int, int]:
        nonce = await ask()
        rig.journal.halt("operator")
        return nonce

    rig.executor.watch.mined_nonce = slow  # type: ignore[method-assign]
    intent = await rig.trade(1)
    assert rig.executor.open_intent is None
    assert rig.journal.attempts(intent.id) == ()
    await rig.mine(2)
    assert await rig.effects(1) == 0


async def test_a_node_that_cannot_tell_does_not_hide_an_overdue_intent(rig: Rig) -> None:
    """I9: where balances of old blocks are pruned, the intent cannot be settled; past its time that is an alarm."""
    await rig.trade(1)
    head = await rig.mine(3)

    async def pruned(_: Any) -> dict[str, int]:
        raise RpcError("missing trie node", code=-32000)

    rig.executor.watch.realised = pruned  # type: ignore[method-assign,assignment]
    with pytest.raises(RpcError):
        await rig.executor.on_head(head)
    assert "overdue" not in rig.notes.alarms
    rig.offset = 100_000.0
    with pytest.raises(RpcError):
        await rig.executor.on_head(head)
    assert rig.notes.alarms[-1] == "overdue"
    assert rig.executor.open_intent is not None


async def test_a_lied_nonce_is_not_signed_beyond_what_fits(rig: Rig) -> None:
    """A count of transactions that no account reaches is no answer."""

    class Absurd(Liar):
        async def batch(self, calls: Sequence[Call], timeout: float | None = None) -> list[Any | RpcError]:
            answers = await self._rpc.batch(calls, timeout)
            absurd = "0x" + "f" * 40
            pairs = zip(calls, answers, strict=True)
            return [absurd if method == "eth_getTransactionCount" else answer for (method, _), answer in pairs]

    intent = await rig.accepted(1)
    rig.executor.watch._rpc = Absurd(rig.rpc, 0)
    await rig.executor.execute(intent)
    assert rig.journal.attempts(intent.id) == ()
    assert rig.notes.alarms == ["unsent"]
