"""Two live daemons on one wallet: the second is told so, whatever state directory it was given."""

from __future__ import annotations

import asyncio
import sys
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest

from sentinel.core.errors import WalletBusy
from sentinel.daemon.guards.single_instance import sole_writer
from tests.daemon.values import NETWORK, WALLET

HOLDER = """
import asyncio, sys
from sentinel.daemon.guards.single_instance import sole_writer
from tests.daemon.values import NETWORK, WALLET

async def main():
    async with sole_writer(NETWORK, WALLET, "http://one"):
        print("held", flush=True)
        await asyncio.sleep(60)

asyncio.run(main())
"""


async def test_a_wallet_is_held_by_one_process_and_free_when_it_dies() -> None:
    """Another process holds it: WalletBusy with what to do; killed outright, it is free at once."""
    other = await asyncio.create_subprocess_exec(sys.executable, "-c", HOLDER, stdout=asyncio.subprocess.PIPE)
    assert other.stdout is not None
    assert await other.stdout.readline() == b"held\n"
    with pytest.raises(WalletBusy, match="sentinel stop"):
        await AsyncExitStack().enter_async_context(sole_writer(NETWORK, WALLET.upper(), "http://one"))
    async with sole_writer(NETWORK, WALLET, "http://two"):  # on the development chain another endpoint is another chain
        pass
    other.kill()
    await other.wait()
    async with sole_writer(NETWORK, WALLET, "http://one"):
        pass


async def test_on_a_real_chain_the_endpoint_does_not_matter() -> None:
    """Two ways to one chain are one wallet; another chain, or another wallet, is another."""
    chain = replace(NETWORK, chain_id=8453)
    async with sole_writer(chain, WALLET, "http://one"):
        with pytest.raises(WalletBusy):
            await AsyncExitStack().enter_async_context(sole_writer(chain, WALLET, "http://two"))
        async with sole_writer(replace(chain, chain_id=1), WALLET, "http://one"):
            pass
        async with sole_writer(chain, "0x" + "22" * 20, "http://one"):
            pass
