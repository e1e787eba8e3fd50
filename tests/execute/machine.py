"""What may happen to the real executor, state machine, fees and finality against a model chain, and what must hold."""

from __future__ import annotations

import dataclasses
from collections.abc import Coroutine
from typing import Any, ClassVar, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from sentinel.config.network_file import load_network
from sentinel.core.actions import Candidate, Leg, Route, Swap
from sentinel.core.decision import Act
from sentinel.core.network import HexHash
from sentinel.core.simulation import SimEnv, Simulation, TxRequest
from sentinel.core.transaction import Intent, Outcome
from sentinel.core.units import GWEI
from sentinel.execute.reconcile import reconcile
from sentinel.execute.send_state import SendRules
from sentinel.execute.sender import LiveExecutor
from tests.execute.model_chain import BLOCK_SECONDS, MINER, ROUTER, ModelChain, payload
from tests.execute.model_hand import CAPS, GAS, Crash, Hand
from tests.execute.model_journal import ModelJournal

T = TypeVar("T")
NETWORK = dataclasses.replace(load_network("devnet"), universal_router=ROUTER)
RULES = SendRules(confirmations=2, bump_after_blocks=2, resend_after=30.0, caps=CAPS, overdue_after=120.0)
QUIET_HEADS = 8  # heads in a row that an overdue intent may go without an alarm: a raise, a resend, confirmations
POINTS = ("committed", "sent", "marked")


class Machine(RuleBasedStateMachine):
    made: ClassVar[type[LiveExecutor]] = LiveExecutor
    signs: ClassVar[type[Hand]] = Hand

    def new_journal(self) -> Any:
        """It outlives every process."""
        return ModelJournal()

    @initialize()
    def begin(self) -> None:
        self.chain = ModelChain(NETWORK)
        self.now = float(self.chain.tip.timestamp)
        self.journal = self.new_journal()
        self.hand = self.signs(self.chain, self.journal)
        self.tags: dict[str, int] = {}
        self.quiet = 0
        self.start()

    # ---------------------------------------------------------------- the executor's side

    def start(self) -> None:
        """A process's life begins."""
        self.down = False  # a crash; the chain goes on while nobody looks
        self.executor = self.made(
            self.chain,
            self.hand,
            self.journal,
            self.hand,
            NETWORK,
            HexHash(self.chain.blocks[0].hash),
            _never,
            RULES,
            observer=self.hand,
            clock=self.clock,
        )

    def clock(self) -> float:
        return self.now

    def head(self) -> None:
        """The executor sees the newest block; past its bound an open intent must be heard of."""
        if self.down:
            return
        self.hand.alarms.clear()
        try:
            run(self.executor.on_head(self.chain.head()))
        except Crash:
            self.down = True
        pending = self.journal.open_intents()
        bound = pending and self.now > pending[0].intent.deadline + RULES.overdue_after
        self.quiet = self.quiet + 1 if bound and not self.hand.alarms else 0
        assert self.quiet <= QUIET_HEADS, "open past its bound, and no alarm"

    @rule()
    def restart(self) -> None:
        self.start()
        try:
            run(reconcile(self.executor, self.chain.head()))
        except Crash:
            self.down = True

    @rule(
        life=st.sampled_from([20, 60, 120]),
        gwei=st.sampled_from([12, 30, 250]),
        kept=st.sampled_from(POINTS * 2 + ("",) * 6),
    )
    def trade(self, life: int, gwei: int, kept: str) -> None:
        if self.down or self.executor.open_intent is not None or self.journal.halt_reason is not None:
            return
        tag = len(self.tags) + 1
        intent = self._intent(tag, int(self.now) + life, gwei)
        self.tags[intent.id] = tag
        self.journal.accept(None, intent)
        self.hand.crash_at = kept
        try:
            run(self.executor.execute(intent))
        except Crash:
            self.down = True
        self.hand.crash_at = ""

    def _intent(self, tag: int, deadline: int, gwei: int) -> Intent:
        h = self.chain.head()
        tx = TxRequest(ROUTER, payload(tag, deadline), 0, GAS)
        swap = Swap((Route((Leg("p", "USDC", "WETH", "uniswap_v2"),), 1),), 1, deadline)
        env = SimEnv(0, gwei * GWEI, GWEI, h.hash, h.number + 1, h.timestamp, h.base_fee, 30_000_000, MINER, "0x00")
        act = Act(Simulation(Candidate(0, swap, ""), tx, env, {}, 1, 50_000, (), None), 5, 8, 5, 0)
        return Intent(f"{tag:032x}", act, tx, True, env, deadline, int(self.now))

    # ---------------------------------------------------------------- the world's side

    @rule(seconds=st.sampled_from([0, 1, BLOCK_SECONDS, BLOCK_SECONDS, 40]))
    def block(self, seconds: int) -> None:
        """A block with what the pool has."""
        self.now += seconds
        self.chain.mine(int(self.now), self.chain.waiting())
        self.head()

    @rule(count=st.integers(1, 3))
    def empty_blocks(self, count: int) -> None:
        """Blocks that leave our transaction out."""
        for _ in range(count):
            self.now += BLOCK_SECONDS
            self.chain.mine(int(self.now))
            self.head()

    @rule(which=st.integers(0, 9))
    def any_attempt_is_mined(self, which: int) -> None:
        """An outbid or dropped one as well: other nodes may still have it."""
        offered = self.chain.offered()
        self.chain.mine(int(self.now), offered[which % len(offered)] if offered else None)
        self.head()

    @rule(what=st.sampled_from(["drop", "deaf", "mute", "resume", *POINTS, "1", "10", "100", "1000"]))
    def trouble(self, what: str) -> None:
        """The pool forgets; the next send is lost before or after the node; a crash to come; another base fee, gwei."""
        if what == "drop":
            self.chain.pool.clear()
        elif what in ("deaf", "mute"):
            self.chain.deaf, self.chain.mute = what == "deaf", what == "mute"
        elif what in POINTS:
            self.hand.crash_at = what
        elif what == "resume":
            if self.journal.halt_reason is not None:
                self.journal.resume("operator")
        else:
            self.chain.base_fee = int(what) * GWEI

    @rule(depth=st.integers(1, 6), repool=st.booleans())
    def reorg(self, depth: int, repool: bool) -> None:
        self.chain.reorg(depth, repool=repool)
        self.head()

    @rule(seconds=st.sampled_from([-60, 30, 130, 400]))
    def clock_jump(self, seconds: int) -> None:
        self.now += seconds

    @rule(luck=st.integers(0, 4))
    def foreign(self, luck: int) -> None:
        """Somebody else uses the key, rarely."""
        if luck == 0 and self.tags:
            self.chain.foreign(int(self.now))
            self.head()

    # ---------------------------------------------------------------- what must hold

    @invariant()
    def no_intent_twice(self) -> None:
        assert all(count == 1 for count in self.chain.effects().values()), "an intent took effect twice"

    def teardown(self) -> None:
        """From here on the world is kind: everything ends, and the journal says of each what the chain shows."""
        if not hasattr(self, "executor"):
            return
        self.hand.crash_at, self.chain.deaf, self.chain.mute = "", False, False
        self.chain.base_fee = 10 * GWEI
        if self.down:
            self.restart()
        for _ in range(60):
            self.now = max(self.now + 40, self.chain.tip.timestamp)
            self.chain.mine(int(self.now), self.chain.waiting())
            self.head()
        self.no_intent_twice()
        assert self.journal.open_intents() == (), "it never ends"
        effects = self.chain.effects()
        for trade in self.journal.trades(len(self.tags)):
            assert (trade.state == Outcome.CONFIRMED) == (self.tags[trade.intent_id] in effects), trade


async def _never(*_: Any) -> TxRequest:
    raise AssertionError("the bytes are final as they are")


def run(steps: Coroutine[Any, Any, T]) -> T:
    """To its end without an event loop: nothing here waits for anything."""
    try:
        steps.send(None)
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]
    raise AssertionError("something waited")
