"""Checks while the daemon runs that the chain is as the network file and the start found it.

Contract codes, decimals of tokens and feeds, and the form of fees are read twice a minute, so that a change is noticed
without a trade too. A trade that a changed code or wrong decimals would touch is refused by `ContractWatch` anyway.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from sentinel.chain.network_facts import wrong_decimals, wrong_fee_form
from sentinel.chain.rpc import JsonRpc, at_block
from sentinel.core.errors import RpcError, Unavailable
from sentinel.core.network import Network
from sentinel.daemon.execution_reporter import Alarm
from sentinel.dex.simulating.contract_watch import ContractWatch
from sentinel.observe.internal_errors import InternalErrors

EVERY = 30.0  # seconds between two looks; the start itself has just looked


@dataclass(slots=True)
class NetworkWatch:
    """A service of the daemon. An alarm is raised at each look for as long as its cause lasts."""

    rpc: JsonRpc
    network: Network
    contracts: ContractWatch | None
    alarm: Alarm
    errors: InternalErrors
    _watching: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._watching = asyncio.create_task(self._watch(), name="network")

    async def stop(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.wait({self._watching})

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(EVERY)
            try:
                await self.look()
            except Unavailable:  # the next look tries again, and cycles hold meanwhile
                pass
            except Exception as error:  # the watch itself must go on
                self.errors.report("network", error)

    async def look(self) -> None:
        """Compare once and raise an alarm for each difference. Raises Unavailable."""
        block = await self.rpc.call("eth_getBlockByNumber", "latest", False)
        if not isinstance(block, dict) or not isinstance(block.get("hash"), str):
            raise RpcError("the endpoint does not show its newest block")
        if (why := wrong_fee_form(self.network, block)) is not None:
            self.alarm("fee_form", why)
        if (why := await wrong_decimals(self.rpc, self.network, at_block(block["hash"]))) is not None:
            self.alarm("decimals", why)
        if self.contracts is not None and (why := await self.contracts.changed_anywhere()) is not None:
            self.alarm("contracts", why)
