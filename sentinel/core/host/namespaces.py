"""Network namespaces: start a child without any network, and check whether other users can reach a process."""

from __future__ import annotations

import os
import shutil
import socket
import stat
import struct
import subprocess
from functools import lru_cache
from pathlib import Path

_CREDENTIALS = struct.Struct("3i")  # pid, uid, gid of a socket's peer, as Linux reports them
_LISTENING = "0A"  # state TCP_LISTEN in /proc/net/tcp


@lru_cache
def without_network() -> tuple[str, ...]:
    """The words that go before a command to start it in an empty network namespace; none if this system forbids it.

    The command keeps its process id. It can still be reached through unix sockets. A user namespace is made too,
    because that is how a user without privileges may make the other one.
    """
    program = shutil.which("unshare")
    if program is None:
        return ()
    words = (program, "--user", "--net", "--")
    try:
        subprocess.run([*words, "true"], capture_output=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return ()
    return words


def reachable_by_others(path: Path) -> bool:
    """Whether any local user can reach the process that listens on the unix socket `path`, there or by TCP.

    By TCP it can be reached if it shares this process's network. A process whose namespace this user may not look at
    counts by its user: any open port of that user is one of its ports. Raises OSError if nobody listens.
    """
    if path.stat().st_mode & stat.S_IWOTH and path.parent.stat().st_mode & stat.S_IXOTH:
        return True
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(2.0)
        connection.connect(str(path))
        credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    pid, uid, _ = _CREDENTIALS.unpack(credentials)
    try:
        return os.path.samefile(f"/proc/{pid}/ns/net", "/proc/self/ns/net")
    except OSError:
        return uid in _users_with_open_ports()


def _users_with_open_ports() -> set[int]:
    """The users that listen on TCP in this process's network namespace."""
    users: set[int] = set()
    for table in ("/proc/self/net/tcp", "/proc/self/net/tcp6"):
        if Path(table).exists():
            rows = [line.split() for line in Path(table).read_text().splitlines()[1:]]
            users |= {int(row[7]) for row in rows if row[3] == _LISTENING}
    return users
