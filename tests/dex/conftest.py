"""A desk: a funded wallet on a local market, with the reader, the fork and the toolkit that a daemon would have."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount

from lab.bench.bench_desk import PURSE, BenchDesk
from sentinel.chain.history import BlockCloses
from sentinel.chain.market_reader import MarketReader
from sentinel.core.actions import Action, Candidate, Leg, Route, Swap
from sentinel.core.network import NATIVE, UNWRAP, WRAP, Network
from sentinel.core.simulation import TxRequest
from sentinel.dex.building.action_builder import ActionBuilder
from sentinel.dex.simulating.fork import Fork
from sentinel.dex.toolkit import DexToolkit
from sentinel.dex.venues.registry import VENUES
from sentinel.market import Devnet

ALLOWED = {"WETH": 10**24, "USDC": 10**15, "WBTC": 10**13}


@dataclass(frozen=True, slots=True)
class Desk(BenchDesk):
    build: ActionBuilder

    @property
    def network(self) -> Network:
        return self.net.network

    async def sign_permit(self, typed_data: Mapping[str, Any]) -> bytes:
        signed = Account.sign_typed_data(self.account.key, full_message=dict(typed_data))
        return bytes(signed.signature)

    async def send(self, tx: TxRequest, nonce: int, *, max_fee: int = 10**12, tip: int = 10**10) -> str:
        """Sign and submit with the wallet's own key (fees in wei per gas); the hash. The next block takes it."""
        fields: dict[str, Any] = {
            "type": 2,
            "chainId": self.network.chain_id,
            "nonce": nonce,
            "to": tx.to,
            "data": tx.data,
            "value": tx.value,
            "gas": tx.gas_limit,
            "maxFeePerGas": max_fee,
            "maxPriorityFeePerGas": tip,
        }
        signed = self.account.sign_transaction(fields)
        tx_hash: str = await self.net.rpc.call("eth_sendRawTransaction", "0x" + signed.raw_transaction.hex())
        return tx_hash

    async def mined(self, tx_hash: str) -> dict[str, Any]:
        """Its receipt, from a block that holds nothing of the crowd's."""
        await self.net.rpc.call("evm_mine")
        receipt: dict[str, Any] = await self.net.rpc.call("eth_getTransactionReceipt", tx_hash)
        return receipt

    def swap(self, *pools: str, token_in: str, amount: int, min_out: int = 1, deadline: int) -> Swap:
        """A swap through these pools, in base units, past all checks of the builder."""
        legs, token = [], token_in
        for name in pools:
            if name == UNWRAP:
                legs.append(Leg(UNWRAP, "WETH", NATIVE, UNWRAP))
                continue
            if name == WRAP:
                legs.append(Leg(WRAP, NATIVE, "WETH", WRAP))
                token = "WETH"
                continue
            pool = self.network.pools[name]
            out = pool.token1 if token == pool.token0 else pool.token0
            legs.append(Leg(name, token, out, pool.venue))
            token = out
        return Swap((Route(tuple(legs), amount),), min_out, deadline)


def candidates(*actions: Action) -> list[Candidate]:
    return [Candidate(index, action, "") for index, action in enumerate(actions)]


@pytest.fixture
async def desk(devnet: Devnet) -> AsyncIterator[Desk]:
    async with desk_on(devnet) as opened:
        yield opened


@contextlib.asynccontextmanager
async def desk_on(devnet: Devnet) -> AsyncIterator[Desk]:
    account: LocalAccount = Account.from_key(b"\x2a" * 32)
    await devnet.fund(account.address, PURSE)
    await devnet.allow_permit2(account.address, ALLOWED)
    for _ in range(2):
        await devnet.market.step()
    reader = MarketReader(devnet.rpc, devnet.network, account.address, VENUES, BlockCloses(50), min_priority_fee=10**9)
    async with Fork(devnet.network, devnet.rpc_url) as fork:
        builder = ActionBuilder(devnet.network, max_approval={"USDC": 10**12})
        yield Desk(devnet, account, reader, fork, DexToolkit(devnet.network, fork), builder)
