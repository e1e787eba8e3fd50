"""Unix sockets: addresses that fit, a private place to listen on, and who is at the other end."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_CREDENTIALS = struct.Struct("3i")  # pid, uid, gid: what Linux tells of a connected peer


@contextmanager
def short_address(path: Path) -> Iterator[str]:
    """An address for `path` that fits the 107 bytes of a unix socket: through the directory's descriptor."""
    descriptor = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}/{path.name}"
    finally:
        os.close(descriptor)


def listener(path: Path, mode: int = 0o600) -> socket.socket:
    """Bound to `path`, in place of a stale file there; never open to others, not even for a moment."""
    path.unlink(missing_ok=True)
    with short_address(path) as address:
        old = os.umask(0o777 & ~mode)
        try:
            bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            bound.bind(address)
        finally:
            os.umask(old)
    return bound


def peer_uid(connection: socket.socket) -> int:
    """The user at the other end, as the kernel knows it."""
    told = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    return int(_CREDENTIALS.unpack(told)[1])
