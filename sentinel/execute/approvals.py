"""The standing allowance ERC-20 owner -> Permit2: bounded, made before trading, each change a journaled intent."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from sentinel.errors import JournalError, RpcError, Unavailable
from sentinel.execute.sender import Executor
from sentinel.execute.signer_limits import APPROVE
from sentinel.rpc import JsonRpc, quantity
from sentinel.types import (
    Act,
    Address,
    Approve,
    Candidate,
    Head,
    Network,
    Outcome,
    Settled,
    SimEnv,
    Simulation,
    Symbol,
    TxRequest,
)

DEADLINE = 120  # seconds for one approval
NextHead = Callable[[], Awaitable[Head]]  # a newer head each time, waiting for it


class Approvals:
    """`rpc` estimates gas; `next_head` paces the following of each approval to its end."""

    def __init__(
        self, executor: Executor, rpc: JsonRpc, network: Network, wallet: Address, tip: int, next_head: NextHead
    ) -> None:
        self._executor = executor
        self._rpc = rpc
        self._network = network
        self._wallet = wallet
        self._tip = tip  # wei per gas
        self._next_head = next_head

    async def ensure_allowances(self, caps: Mapping[Symbol, int], least: Mapping[Symbol, int]) -> tuple[Settled, ...]:
        """Allow `caps[token]` base units wherever less than `least[token]` is left or more than the cap is allowed.

        A non-zero allowance is first taken to zero, since some tokens demand it. Confirmed when it returns. Raises
        Unavailable where an approval did not confirm; JournalError where another intent is unfinished.
        """
        done: list[Settled] = []
        for symbol, now in (await self._executor.watch.allowances(caps)).items():
            if least.get(symbol, 1) <= now <= caps[symbol]:
                continue
            if now:
                done.append(await self._approve(symbol, 0))
            if caps[symbol]:
                done.append(await self._approve(symbol, caps[symbol]))
        return tuple(done)

    async def revoke(self, symbols: Sequence[Symbol]) -> tuple[Settled, ...]:
        """Take every allowance of `symbols` to zero."""
        return await self.ensure_allowances(dict.fromkeys(symbols, 0), dict.fromkeys(symbols, 0))

    async def _approve(self, symbol: Symbol, amount: int) -> Settled:
        executor = self._executor
        if executor.in_flight is not None:
            raise JournalError("an approval must wait until nothing is in flight")
        head = await self._next_head()
        deadline = int(executor.clock()) + DEADLINE
        token = self._network.tokens[symbol].address
        data = APPROVE + bytes.fromhex(self._network.permit2[2:]).rjust(32, b"\0") + amount.to_bytes(32, "big")
        call = {"from": self._wallet, "to": token, "data": "0x" + data.hex()}
        gas = quantity(await self._rpc.call("eth_estimateGas", call), 63)
        tx = TxRequest(token, data, 0, gas * 12 // 10)
        action = Approve(symbol, "permit2", amount, deadline)
        simulation = Simulation(Candidate(0, action, "allowance"), tx, self._env(head), {}, 0, gas, (), None)
        intent = executor.intent(Act(simulation, 0, 0, 0, 0), tx, deadline)
        executor.journal.accept(None, intent)
        await executor.execute(intent)
        settled = await self._follow(intent.id)
        if settled.outcome is not Outcome.CONFIRMED:
            raise Unavailable(
                f"the approval of {symbol} for Permit2 ended {settled.outcome}: it is tried at next start"
            )
        return settled

    async def _follow(self, intent_id: str) -> Settled:
        while self._executor.in_flight is not None:
            head = await self._next_head()
            try:
                settled = await self._executor.on_head(head)
            except RpcError:
                await asyncio.sleep(1.0)
                continue
            if settled is not None:
                return settled
        raise Unavailable(f"approval {intent_id} was not sent")

    def _env(self, head: Head) -> SimEnv:
        return SimEnv(
            nonce=0,
            max_fee=2 * head.base_fee + self._tip,
            priority_fee=self._tip,
            parent_hash=head.hash,
            number=head.number + 1,
            timestamp=head.timestamp,
            base_fee=head.base_fee,
            gas_limit=head.gas_limit,
            coinbase=head.coinbase,
            prev_randao=head.prev_randao,
        )
