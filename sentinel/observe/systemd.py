"""systemd's notification protocol and its use by the daemon. Does nothing without a service manager."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Iterator, Mapping

from sentinel.observe.health import Health

PULSE = 10.0  # seconds between two messages during the start
PATIENCE = 6 * PULSE  # seconds without a message until systemd gives up a start


class Notifier:
    """Messages to $NOTIFY_SOCKET. A message is lost if the queue is full; `ready` and `status` then return False."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        address = environ.get("NOTIFY_SOCKET", "")
        self._address = "\0" + address[1:] if address.startswith("@") else address

    def ready(self) -> bool:
        """Report that the start or a reload has finished. Returns False if the message was lost."""
        return self._send("READY=1")

    def extend(self, seconds: float) -> None:
        """Extend the time for the start or stop to `seconds` from now."""
        self._send(f"EXTEND_TIMEOUT_USEC={round(seconds * 1e6)}")

    def reloading(self) -> None:
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def status(self, status: str) -> bool:
        return self._send("STATUS=" + " ".join(status.split()))

    def alive(self) -> None:
        self._send("WATCHDOG=1")

    def stopping(self) -> None:
        self._send("STOPPING=1")

    def _send(self, message: str) -> bool:
        if not self._address:
            return True
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
                channel.setblocking(False)
                channel.sendto(message.encode(), self._address)
        except OSError:
            return False
        return True


class Pulse:
    """Reports progress when it happens: a timer would feed systemd's watchdog while something is stuck.

    Progress is of heads and cycles alone. A probe that ends shows only that the probe is not stuck.
    """

    def __init__(self, notifier: Notifier, health: Health) -> None:
        self._notifier = notifier
        self._health = health
        self._ready = False
        self._owed = False  # the message about the end of a reload was lost and must be repeated
        self._waits = ""  # the last status

    def starting(self) -> None:
        """Extend the start: following the open intent of an earlier run may take longer than a start may."""
        self._notifier.extend(PATIENCE)

    @contextlib.contextmanager
    def reloading(self) -> Iterator[None]:
        """Report a reload while the body runs. Reports nothing while the service is still starting."""
        if self._ready:
            self._notifier.reloading()
        yield
        self._owed = self._ready and not self._notifier.ready()

    def beat(self) -> bool:
        """Report progress. Returns True if the service became ready by it, in the sense of /readyz."""
        if all(check.ok for check in self._health.alive()):
            self._notifier.alive()
        if self._owed:
            self._owed = not self._notifier.ready()
        if not self._ready and self._missing():
            self._notifier.extend(PATIENCE)
        return self.became_ready()

    def became_ready(self) -> bool:
        """As `beat`, but it reports no progress."""
        if self._ready:
            return False
        if missing := self._missing():
            self._wait_for(f"waiting for {'; '.join(missing)}")
        else:
            self._ready = self._notifier.ready()
        return self._ready

    def _missing(self) -> list[str]:
        return [f"{check.name}: {check.why}" for check in self._health.ready() if not check.ok]

    def _wait_for(self, what: str) -> None:
        """Send the status only if it changed, because the queue of messages is short."""
        if what != self._waits and self._notifier.status(what):
            self._waits = what
