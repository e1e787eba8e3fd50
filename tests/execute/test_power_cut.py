"""The power goes at any point between commit and send: no accepted intent is lost and none doubled."""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from lab.crash.crash_tally import EVERY, require_ended
from lab.crash.life import LifeContext, live
from lab.crash.points import POINTS, Here
from sentinel.core.errors import JournalError
from sentinel.journal import journal as journal_module
from sentinel.journal.journal import Journal
from sentinel.signing.process.local_signer import DevSigner
from tests.execute.power import Disk, Kept, PowerCut, ledger_on
from tests.execute.rig import Rig, effects

KEPT: tuple[Kept, ...] = ("none", "first", "any")
INSIDE = 24  # cuts in the middle of a commit
OPERATIONS = 80  # writes and syncs of a life, about
_names = itertools.count()


@dataclass
class Found:
    """What went wrong, by tag."""

    lost: set[int] = field(default_factory=set)  # accepted, and the journal has forgotten it, or it never took effect
    double: set[int] = field(default_factory=set)
    unknown: set[int] = field(default_factory=set)  # took effect, and the journal has forgotten it
    broken: str = ""  # why the journal cannot be used
    cuts: int = 0

    def right(self) -> bool:
        return not (self.lost or self.double or self.unknown or self.broken)


async def cut_everywhere(rig: Rig, folder: Path, monkeypatch: pytest.MonkeyPatch, synchronous: str) -> Found:
    """Lives that the power ends, first at each named point, then inside commits; after each, another's block."""
    chance = random.Random(7)
    disk = Disk(f"power-{next(_names)}", chance)
    monkeypatch.setattr(journal_module, "Ledger", ledger_on(disk, synchronous))
    path = folder / "power.sqlite"
    assert isinstance(rig.signer, DevSigner)
    place = LifeContext(rig.net.rpc_url, path, rig.genesis, rig.network, rig.signer)
    accepted: set[int] = set()
    found = Found()
    tag = 1
    try:
        await live(place, tag, _nothing, _nothing, chance, share=0)  # there is a journal
        await rig.mine()
        inside = [(chance.choice(KEPT), "") for _ in range(INSIDE)]
        for kept, point in [*itertools.product(KEPT, POINTS), *inside]:
            tag += 1
            if not point:
                disk.fails_at = disk.operations + chance.randrange(OPERATIONS)
            try:
                await live(place, tag, _cutter(point, tag, accepted), _nothing, chance, share=0)
            except PowerCut:
                disk.cut(kept)
                found.cuts += 1
            disk.fails_at = None
            await rig.mine()
        await live(place, 0, _nothing, _nothing, chance, share=0)
        journal = Journal.open(path, rig.network, rig.genesis, rig.signer.address)
        require_ended(journal)
        known = {trade.gross for trade in journal.trades(EVERY)}
        journal.close()
    except JournalError as error:
        found.broken = str(error)
        disk.cut("none")
        known = set()
    counts = {number: await effects(rig.net.rpc, number) for number in range(1, tag + 1)}
    found.lost = {number for number in accepted if number not in known or counts[number] == 0}
    found.double = {number for number, count in counts.items() if count > 1}
    found.unknown = {number for number, count in counts.items() if count and number not in known}
    disk.unregister()
    return found


def _nothing(_: str) -> None:
    pass


def _cutter(point: str, tag: int, accepted: set[int]) -> Here:
    def here(name: str) -> None:
        if name == "picked":
            accepted.add(tag)
        if name == point:
            raise PowerCut

    return here


@pytest.mark.timeout(120)
async def test_the_power_goes_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the journal is: whatever of the unsynced writes survives, each accepted intent takes effect exactly once."""
    async with Rig.start(tmp_path) as rig:
        found = await cut_everywhere(rig, tmp_path, monkeypatch, "FULL")
    assert found.right(), found
    assert found.cuts > 36


@pytest.mark.timeout(120)
async def test_commits_that_are_not_synced_lose_trades_but_double_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mutant with synchronous=NORMAL forgets what it has accepted and what it has sent. The chain counts what was
    forgotten, so that trading halts before anything is sent a second time."""
    async with Rig.start(tmp_path) as rig:
        found = await cut_everywhere(rig, tmp_path, monkeypatch, "NORMAL")
    assert found.lost
    assert found.unknown
    assert not found.double


@pytest.mark.timeout(120)
async def test_a_journal_that_never_syncs_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With synchronous=OFF the very file may be gone: the next start refuses to begin anew, and the trades are lost."""
    async with Rig.start(tmp_path) as rig:
        found = await cut_everywhere(rig, tmp_path, monkeypatch, "OFF")
    assert "empty but has been in use" in found.broken
    assert found.lost
