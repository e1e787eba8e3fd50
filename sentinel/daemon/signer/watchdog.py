"""A service that starts the signer's process again when it ends, and raises an alarm each time."""

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

RESTARTS = 3  # attempts to start it again in the daemon's life, failed ones included
PAUSE = 1.0  # seconds before each attempt


@dataclass(slots=True)
class SignerWatchdog:
    keeper: SignerSupervisor
    caps: TokenCaps | None  # the caps that a new child gets; None: the signer has its own
    alarm: Alarm
    lost: Callable[[str], None]  # called once, when the signer is not started again
    _watching: asyncio.Task[None] | None = None

    async def start(self) -> None:
        if self.keeper.child is not None:
            self._watching = asyncio.create_task(self._watch(self.keeper.child), name="signer")

    async def stop(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.wait({self._watching})

    async def _watch(self, child: Child) -> None:
        """Start the child again each time it ends, and set its caps. A failed attempt counts as well."""
        why = f"ended with {await child.wait()}"
        for attempts_left in range(RESTARTS, 0, -1):
            self.alarm("signer", f"the signer {why}; it will be started again, {attempts_left} attempts left")
            await asyncio.sleep(PAUSE)
            try:
                await child.stop()  # ends what remains of its process group
                await child.start()
                if self.caps is not None:
                    await self.keeper.set_caps(self.caps)
            except (SentinelError, OSError) as error:
                why = f"cannot be started again: {error}"
            else:
                why = f"ended with {await child.wait()}"
        self.alarm("signer", f"the signer {why}; it is not started again")
        with contextlib.suppress(OSError):
            await child.stop()  # it may run without caps
        self.lost("the signer's process is gone: see signer.log, then restart the daemon and `sentinel resume`")
