"""The alarm for contracts that are not what they were at the start, or not on the fork what they are on the node."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sentinel.core.record import CycleRecord
from sentinel.dex.simulating.contract_watch import ContractWatch


@dataclass(frozen=True, slots=True)
class ContractAlarm:
    watch: ContractWatch | None
    alarm: Callable[[str, str], None]  # kind, and one sentence

    def cycle_done(self, _: CycleRecord) -> None:
        """Ring once for each change that the cycle found. The trade itself was refused or simulated elsewhere."""
        if self.watch is not None:
            for why in self.watch.changed.taken():
                self.alarm("contracts", why)
            for why in self.watch.forged.taken():
                self.alarm("fork_code", why)
            for why in self.watch.misread.taken():
                self.alarm("decimals", why)
