"""One live Sentinel a wallet on this machine, whatever state directory each was given (I3).

The journal's lock guards one directory; this guards the wallet. It is a name that the kernel holds for as long as we
live and forgets however we die. NOTE: containers with networks of their own and other machines are not seen.
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
    """Raises WalletBusy. On the development chain each endpoint is a chain of its own."""
    chain = f"{network.chain_id} {endpoint}" if network.chain_id == DEVELOPMENT_CHAIN else str(network.chain_id)
    name = f"\0sentinel {wallet.lower()} {chain}"[:107]  # what an address of a unix socket may have
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as held:
        try:
            held.bind(name)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            raise WalletBusy(
                f"another Sentinel trades with wallet {wallet} on chain {network.chain_id}: stop it first "
                "(`sentinel stop`), or give this one a wallet and a SENTINEL_STATE_DIR of its own"
            ) from error
        yield
