"""A node that stands in for the fork and lies: what it says is no answer, or every later part can live with it."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from lab.bench.bench_desk import desk
from lab.bench.candidates import random_candidates
from sentinel.chain.rpc import Rpc
from sentinel.core.decision import Hold, HoldReason
from sentinel.core.errors import ForkUnavailable
from sentinel.core.record import CycleRecord
from sentinel.core.spent import Spent
from sentinel.core.units import MAX_TX_GAS
from sentinel.decide.policy import Policy
from sentinel.dex.simulating.node import NodeSimulation
from sentinel.dex.toolkit import DexToolkit
from sentinel.journal.journal import Journal
from sentinel.observe.metrics import Metrics
from tests.attack.test_hostile_outputs import LIMITS
from tests.attack.test_lying_chain import LIES
from tests.dex.nodes import Call, Disguise, Reply

pytestmark = pytest.mark.attack("a node that lies", "contained")

ROUNDS = 400


class Liar:
    """Changes one place, anywhere, in one reply of some batches. Seeded."""

    def __init__(self, seed: int) -> None:
        self._rng = random.Random(seed)
        self.told = 0

    def twist(self, _: Call, reply: Reply) -> Reply:
        if self._rng.random() < 0.3:
            self.told += 1
            (block,) = reply["result"]
            self._change(self._rng.choice((reply, block, block["calls"], block["calls"][0])))
        return reply

    def _change(self, value: Any) -> None:
        """Down to some depth, then a field is another, or none."""
        places: list[Any] = [*value] if isinstance(value, dict) else [*range(len(value))]
        place = self._rng.choice(places)
        if isinstance(value[place], dict | list) and value[place] and self._rng.random() < 0.9:
            self._change(value[place])
        elif self._rng.random() < 0.2:
            del value[place]
        else:
            value[place] = self._rng.choice((*LIES, "0x" + "ff" * 32, "-0x5208", "0x7fffffffffffffff"))


async def test_a_lying_simulation_is_none_or_breaks_nothing(tmp_path: Path) -> None:
    """Hundreds of false answers: ForkUnavailable, or numbers that policy, journal and metrics take."""
    async with desk() as bench, Disguise(bench.net.rpc_url).running() as node, Rpc(node.url) as rpc:
        network = bench.net.network
        state = await bench.state()
        kit = DexToolkit(network, None, node=NodeSimulation(network, rpc))
        tried = random_candidates(network, state, 6, 1)
        honest = await kit.simulate_all(state, tried)
        policy, metrics = Policy(network, LIMITS), Metrics(network)
        journal = Journal.open(tmp_path / "journal", network, "0x00", bench.account.address)
        liar, believed = Liar(3), 0
        node.twist = liar.twist
        for _ in range(ROUNDS):
            before = liar.told
            try:
                found = await kit.simulate_all(state, tried)
            except ForkUnavailable:
                continue
            assert found == honest or liar.told > before
            believed += liar.told > before
            _, refusals = policy.screen(found, state, Spent(0, 0))
            record = CycleRecord(
                state.head, state, None, None, found, refusals, Hold(HoldReason.NO_MAJORITY), (), None, {}
            )
            journal.record(record)
            metrics.observe(record)
            for one in found:
                assert 0 <= one.gas_used < 1 << 63
                assert one.tx is not None
                assert 0 < one.tx.gas_limit <= MAX_TX_GAS
        journal.verify()
        journal.close()
        assert liar.told > ROUNDS / 2
        assert believed > ROUNDS / 20
