"""Allows one live Sentinel per wallet on this machine, whatever state directories they use (I3).

The journal's lock guards one directory; this lock guards the wallet. It is an abstract socket name, which the kernel
releases when the process ends, even by SIGKILL. NOTE: it does not detect a daemon on another machine, or in a container
with its own network.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sentinel.core.errors import WalletBusy
from sentinel.core.network import DEVELOPMENT_CHAIN, Address, Network


@asynccontextmanager
async def sole_writer(network: Network, wallet: Address, endpoint: str) -> AsyncIterator[None]:
    """Hold the lock while the body runs. Raises WalletBusy if another process holds it.

    On the development chain each endpoint counts as a separate chain.
    """
    chain = f"{network.chain_id} {endpoint}" if network.chain_id == DEVELOPMENT_CHAIN else str(network.chain_id)
    name = f"\0sentinel {wallet.lower()} {chain}"[:107]  # maximum length of a unix socket's address
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as lock:
        try:
            lock.bind(name)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            raise WalletBusy(
                f"another Sentinel trades with wallet {wallet} on chain {network.chain_id}: stop it first "
                "(`sentinel stop`), or give this one a wallet and a SENTINEL_STATE_DIR of its own"
            ) from error
        yield
