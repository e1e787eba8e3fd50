"""Unix sockets: short addresses, private listeners and peer credentials."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_CREDENTIALS = struct.Struct("3i")  # pid, uid, gid of a connected peer, as Linux reports them


@contextmanager
def short_address(path: Path) -> Iterator[str]:
    """An address of `path` within the 107 bytes of a unix socket address, by way of the folder's descriptor."""
    descriptor = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}/{path.name}"
    finally:
        os.close(descriptor)


def listener(path: Path, mode: int = 0o600) -> socket.socket:
    """A socket bound to `path`, which replaces a stale file. It has `mode` from the moment it exists."""
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
    """User id of the peer, as the kernel reports it."""
    return _peer(connection)[1]


def peer_pid(connection: socket.socket) -> int:
    """Process id of the peer in our own namespace: of a listening peer, the process that listens.

    Raises ProcessLookupError if the process is in a namespace that we cannot see.
    """
    if (pid := _peer(connection)[0]) <= 0:
        raise ProcessLookupError("the peer is in another process namespace")
    return pid


def _peer(connection: socket.socket) -> tuple[int, int, int]:
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    pid, uid, gid = _CREDENTIALS.unpack(credentials)
    return pid, uid, gid
