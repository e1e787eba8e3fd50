"""Collection on states that a daemon journaled: the teacher's action is simulated at the same block.

A record holds the market, the view and the prompt of its cycle; the mandate is parsed from that prompt. The node must
still have the block with its state. A state that can no longer be simulated is skipped.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from sentinel.agent import prompt
from sentinel.agent.memory import JournalMemory
from sentinel.agent.playbooks import PLAYBOOKS
from sentinel.agent.sandbox import MAX_RUN_TIMEOUT, Sandbox
from sentinel.chain import chain_identity
from sentinel.chain.rpc import Rpc, quantity
from sentinel.config.limits import Limits
from sentinel.config.network_file import load_network
from sentinel.config.settings import Settings
from sentinel.core.errors import ChainMismatch, RpcError
from sentinel.core.mandate import Mandate
from sentinel.core.market_state import MarketState
from sentinel.core.network import NATIVE
from sentinel.core.record import CycleRecord
from sentinel.dex.simulating.fork import Fork
from sentinel.dex.toolkit import DexToolkit
from sentinel.distill.collecting.collect import Made, Wanted, side_by_side
from sentinel.distill.states.decision_desk import DecisionDesk
from sentinel.distill.states.scenario import Scenario
from sentinel.distill.states.split import SplitPart
from sentinel.distill.states.tasks import CollectionRequest, Task
from sentinel.distill.teaching.teacher import Teacher
from sentinel.journal import Journal

PART = SplitPart("journal", (), (0, 0), frozenset())  # has no days, seeds or pools of models/split.toml


@dataclass(slots=True)
class FromJournal:
    """An `Engine` for requests of PART. Network and limits come from `settings`; `rpc_url` is a node of the chain."""

    path: Path
    rpc_url: str
    settings: Settings
    left_out: dict[str, int] = field(default_factory=dict)  # number of skipped states by reason

    async def __call__(self, order: CollectionRequest, teacher: Teacher, wanted: Wanted) -> AsyncGenerator[Made]:
        """Raises ChainMismatch if the node is on another chain, JournalError, or Unavailable."""
        network = load_network(self.settings.network)
        async with AsyncExitStack() as stack:
            journal = Journal.open(self.path, network, None, None, read_only=True)
            stack.callback(journal.close)
            rpc = await stack.enter_async_context(Rpc(self.rpc_url, timeout=self.settings.rpc.read_timeout))
            if (genesis := await chain_identity.check_chain(rpc, network)).lower() != journal.genesis:
                raise ChainMismatch(
                    f"the genesis of the node's chain is {genesis}, but that of {self.path} is {journal.genesis}"
                )
            sandbox = stack.enter_context(Sandbox(workers=2, seconds=MAX_RUN_TIMEOUT))
            folder = stack.enter_context(TemporaryDirectory(prefix="sentinel-collect-"))
            memory = JournalMemory(Path(folder) / "memory.sqlite3", self.path, network)
            stack.callback(memory.close)
            fork = Fork(
                network, self.rpc_url, anvil=self.settings.fork.anvil_path or None, timeout=self.settings.fork.timeout
            )
            toolkit = DexToolkit(network, await stack.enter_async_context(fork))
            desk = DecisionDesk(
                network, toolkit, sandbox, self.settings, Limits.of(self.settings.limits, network), memory=memory
            )
            passed = 0
            for case in self._cases(journal.decided(), desk):
                if missing := wanted(case.id):
                    if not await _still_there(rpc, case.state):
                        self._leave_out("its block is gone from the node")
                        continue
                    async with aclosing(side_by_side([(case, k) for k in missing], order, teacher)) as stream:
                        async for item in stream:
                            yield item
                yield 1
                if (passed := passed + 1) >= order.states:
                    return

    def _cases(self, records: Iterator[CycleRecord], desk: DecisionDesk) -> Iterator[Task]:
        """Yield each state once: a block that was decided on again after a restart is the same state."""
        seen = set[str]()
        for record in records:
            state, view, proposal = record.state, record.view, record.proposal
            if state is None or view is None or proposal is None or not proposal.prompt:
                continue  # the model was not asked: the cycle held earlier, or it sold for the operator
            mandate = asked_for(proposal.prompt[1]["content"])
            if mandate is None or [*proposal.prompt[:2]] != prompt.messages(view, mandate, desk.network.quote):
                self._leave_out("its prompt is not of this version")
                continue
            id = f"journal/{state.wallet.lower()}/{state.head.number}/{state.head.hash}"
            if id not in seen:
                seen.add(id)
                yield Task(id, state, Scenario(mandate, view), desk)

    def _leave_out(self, reason: str) -> None:
        self.left_out[reason] = self.left_out.get(reason, 0) + 1


def asked_for(content: str) -> Mandate | None:
    """Parse the mandate from the text that `prompt.messages` made of it; None if the text is no such prompt.

    Parameters that the playbook does not show become 0; nothing reads them.
    """
    lines = dict(line.split(": ", 1) for line in content.splitlines() if ": " in line)
    playbook, (base, _, _) = lines.get("Playbook", ""), lines.get("Pair", "").partition("/")
    if playbook not in PLAYBOOKS:
        return None
    try:
        counts = {name: int(lines.get(name.title(), default)) for name, default in _COUNTS.items()}
        numbers = {name: float(lines.get(name.title(), 0)) for name in _NUMBERS}
    except ValueError:
        return None
    return Mandate(playbook=playbook, base=base, **numbers, **counts)  # type: ignore[arg-type]


_COUNTS = {"bars": 1, "until": 0, "every": 1}
_NUMBERS = ("band", "threshold", "size", "least")


async def _still_there(rpc: Rpc, state: MarketState) -> bool:
    """True if the block is on the chain and its state can be read, tested by the wallet's native balance."""
    number = hex(state.head.number)
    block, coin = await rpc.batch(
        [("eth_getBlockByNumber", [number, False]), ("eth_getBalance", [state.wallet, number])]
    )
    if isinstance(block, RpcError) or isinstance(coin, RpcError) or not isinstance(block, dict):
        return False
    return block.get("hash") == state.head.hash and quantity(coin) == state.balances.get(NATIVE)
