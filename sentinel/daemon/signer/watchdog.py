"""A service that starts the signer's process again when it ends, and says so where it stays gone."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass

from sentinel.config.terms import TokenCaps
from sentinel.core.errors import SentinelError
from sentinel.core.host.process import Child
from sentinel.daemon.execution_reporter import Alarm
from sentinel.daemon.signer.supervisor import SignerSupervisor

RESTARTS = 3  # tries, with a child that ended by itself, in the daemon's life
PAUSE = 1.0  # seconds before each


@dataclass(slots=True)
class SignerWatchdog:
    keeper: SignerSupervisor
    caps: TokenCaps | None  # that we set: a new child is given the same. None: the signer has its own
    alarm: Alarm
    lost: Callable[[str], None]  # no signer any more: called once, when it is not started again
    _watching: asyncio.Task[None] | None = None

    async def start(self) -> None:
        if self.keeper.child is not None:
            self._watching = asyncio.create_task(self._watch(self.keeper.child), name="signer")

    async def stop(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.wait({self._watching})

    async def _watch(self, child: Child) -> None:
        """A try is a start with the caps set; one that fails counts as well."""
        why = f"ended with {await child.wait()}"
        for left in range(RESTARTS, 0, -1):
            self.alarm("signer", f"the signer {why}; it is started again {left} more times")
            await asyncio.sleep(PAUSE)
            try:
                await child.stop()  # what is left of its group
                await child.start()
                if self.caps is not None:
                    await self.keeper.set_caps(self.caps)
            except (SentinelError, OSError) as error:
                why = f"cannot be started again: {error}"
            else:
                why = f"ended with {await child.wait()}"
        self.alarm("signer", f"the signer {why}; it is not started again")
        with contextlib.suppress(OSError):
            await child.stop()  # one that runs, but whose caps could not be set
        self.lost("the signer's process is gone: see signer.log, then restart the daemon and `sentinel resume`")
