"""Whatever happens on the way, in any order: no intent takes effect twice, and each ends in time or alarms.

Hypothesis makes the sequences of events; `tests/execute/machine.py` says what they are and what must hold.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, settings

from lab.crash.points import SendThenSave
from sentinel.core.simulation import TxRequest
from sentinel.core.transaction import Fees
from sentinel.execute.sender import LiveExecutor
from sentinel.journal.journal import Journal
from sentinel.signing.signer import SignedTx
from tests.execute.machine import NETWORK, Machine
from tests.execute.model_chain import WALLET, sign
from tests.execute.model_hand import Hand

pytestmark = pytest.mark.timeout(900)  # on a busy machine; half a minute of processor time

SEQUENCES = 2000
ON_FILE = 60  # of them once more with the real journal
STEPS = 20


class OnFile(Machine):
    """The same with the real journal, whose file here need not survive a power cut."""

    def new_journal(self) -> Journal:
        self.folder = tempfile.TemporaryDirectory()
        journal = Journal.open(Path(self.folder.name) / "journal", NETWORK, "0x" + "00" * 32, WALLET, clock=self.clock)
        journal._ledger.one("PRAGMA synchronous=OFF", default=())
        return journal

    def teardown(self) -> None:
        super().teardown()
        if hasattr(self, "journal"):
            self.journal.verify()
            self.journal.close()
            self.folder.cleanup()


class Careless(Hand):
    async def sign_transaction(
        self, chain_id: int, nonce: int, tx: TxRequest, fees: Fees, prices: Mapping[str, int] | None = None
    ) -> SignedTx:
        return sign(nonce, tx, fees)


class Guarded(SendThenSave):
    """The mutant with the guard that `SendThenSave` lacks."""

    foreign_nonces = LiveExecutor.foreign_nonces


class Mutant(Machine):
    made: ClassVar[type[LiveExecutor]] = SendThenSave
    signs: ClassVar[type[Hand]] = Careless


class GuardedMutant(Mutant):
    made: ClassVar[type[LiveExecutor]] = Guarded


COMMON = settings(
    stateful_step_count=STEPS,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)

TestMachine = Machine.TestCase
TestMachine.settings = settings(COMMON, max_examples=SEQUENCES)
TestOnFile = OnFile.TestCase
TestOnFile.settings = settings(COMMON, max_examples=ON_FILE)


def test_sending_before_saving_is_found_out() -> None:
    """The mutant that dies in between finds a nonce on the chain that its journal does not know, and halts before it
    signs the same trade again; without that guard it trades twice. The executor goes on."""
    for kind, effects, halted in ((Mutant, 2, False), (GuardedMutant, 1, True), (Machine, 1, False)):
        machine = kind()
        machine.begin()
        machine.trade(life=120, gwei=30, kept="sent")
        machine.block(seconds=12)
        machine.restart()
        machine.block(seconds=12)
        assert machine.chain.effects() == {1: effects}
        assert ("this journal does not know" in (machine.journal.halt_reason or "")) is halted
