"""systemd's notification protocol, and when it is told what. Does nothing where no service manager listens."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Iterator, Mapping

from sentinel.observe.health import Health

PULSE = 10.0  # seconds between signs of life while starting
PATIENCE = 6 * PULSE  # seconds without one until systemd gives up a start


class Notifier:
    """Messages to $NOTIFY_SOCKET. One may be lost where its queue is full; `ready` says so."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        address = environ.get("NOTIFY_SOCKET", "")
        self._address = "\0" + address[1:] if address.startswith("@") else address

    def ready(self) -> bool:
        """Started; or a reload is over. False where it did not get through."""
        return self._send("READY=1")

    def extend(self, seconds: float) -> None:
        """Start or stop takes so much longer, from now."""
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
    """Progress is told as it is made, so that no timer feeds systemd's watchdog while something is stuck."""

    def __init__(self, notifier: Notifier, health: Health) -> None:
        self._notifier = notifier
        self._health = health
        self._ready = False
        self._owed = False  # the end of a reload, which did not get through
        self._waits = ""  # what the status said last

    def starting(self) -> None:
        """Still at what an earlier run left: that may take longer than a start is given."""
        self._notifier.extend(PATIENCE)

    @contextlib.contextmanager
    def reloading(self) -> Iterator[None]:
        """While settings are looked at again; a service that is still starting says nothing of it."""
        if self._ready:
            self._notifier.reloading()
        yield
        self._owed = self._ready and not self._notifier.ready()

    def beat(self) -> bool:
        """Something came to its end. True where this made the service ready, which is what /readyz calls so."""
        if all(check.ok for check in self._health.alive()):
            self._notifier.alive()
        if self._owed:
            self._owed = not self._notifier.ready()
        if self._ready:
            return False
        missing = [f"{check.name}: {check.why}" for check in self._health.ready() if not check.ok]
        if missing:
            self._notifier.extend(PATIENCE)
            self._wait_for(f"waiting for {'; '.join(missing)}")
        else:
            self._ready = self._notifier.ready()
        return self._ready

    def _wait_for(self, what: str) -> None:
        """Said when it changes: the queue of messages is short."""
        if what != self._waits and self._notifier.status(what):
            self._waits = what
