"""Kinds of chain beside the usual local market: before London, of type 0 alone, and a rollup that charges for data."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import AsyncIterator

from sentinel.chain.anvil import start_anvil
from sentinel.chain.fee_market import OP_ORACLE
from sentinel.chain.rpc import Rpc
from sentinel.config.network_file import load_network
from sentinel.core.network import DEVELOPMENT_CHAIN, FeeMarket
from sentinel.core.units import GWEI
from sentinel.dex.simulating.batch_engine import L1_BLOCK
from sentinel.market import Devnet
from sentinel.market.artifacts import Artifacts
from sentinel.market.genesis import GAS_LIMIT, genesis

# What Ethereum's blocks cost, as the rollup's last block learnt it, and the shares that it passes on.
L1_BASE_FEE, BLOB_BASE_FEE = 20 * GWEI, 5 * GWEI
BASE_FEE_SCALAR, BLOB_BASE_FEE_SCALAR = 2_269, 1_055_762


@contextlib.asynccontextmanager
async def type_zero() -> AsyncIterator[Devnet]:
    """The local market, whose blocks have a base fee, of a network that takes legacy transactions."""
    async with Devnet.start() as net:
        yield dataclasses.replace(net, network=dataclasses.replace(net.network, fees=FeeMarket.LEGACY))


@contextlib.asynccontextmanager
async def before_london() -> AsyncIterator[Devnet]:
    """Blocks without a base fee. The tokens are there; the pools are not open (V4 needs a later fork): no market."""
    arguments = ["--init", str(await genesis(Artifacts())), "--chain-id", str(DEVELOPMENT_CHAIN)]
    arguments += ["--hardfork", "berlin", "--accounts", "0", "--no-mining", "--gas-limit", str(GAS_LIMIT)]
    child, url = await start_anvil(arguments=arguments)
    try:
        async with Rpc(url) as rpc:
            network = dataclasses.replace(load_network("devnet"), fees=FeeMarket.LEGACY, hardfork="berlin")
            await rpc.call("evm_setNextBlockTimestamp", hex(int(time.time())))  # the genesis file's time is long past
            await rpc.call("evm_mine")
            nothing = None
            yield Devnet(url, url.replace("http", "ws", 1), network, nothing, rpc, child)  # type: ignore[arg-type]
    finally:
        await child.stop()


@contextlib.asynccontextmanager
async def rollup(*, operator: tuple[int, int] = (0, 0)) -> AsyncIterator[Devnet]:
    """The local market on an OP-stack chain: Anvil charges each transaction for its bytes by what L1Block holds, and
    the published GasPriceOracle (Fjord) reads it. `operator`: scalar and constant of the fee that Isthmus added; this
    GasPriceOracle does not know it yet.
    """
    async with Devnet.start(flags=("--network", "optimism")) as net:
        for address, name in ((OP_ORACLE, "GasPriceOracle"), (L1_BLOCK, "L1Block")):
            runtime = await net.rpc.call("eth_call", {"data": "0x" + Artifacts().creation(name).hex()})
            await net.rpc.call("anvil_setCode", address, runtime)
        await put(net.rpc, OP_ORACLE, 0, 0x0101)  # isEcotone, isFjord
        await put(net.rpc, L1_BLOCK, 1, L1_BASE_FEE)
        await put(net.rpc, L1_BLOCK, 3, BASE_FEE_SCALAR << 96 | BLOB_BASE_FEE_SCALAR << 64)
        await put(net.rpc, L1_BLOCK, 7, BLOB_BASE_FEE)
        await put(net.rpc, L1_BLOCK, 8, operator[0] << 64 | operator[1])
        yield dataclasses.replace(net, network=dataclasses.replace(net.network, data_fee="op-stack"))


async def put(rpc: Rpc, address: str, slot: int, value: int) -> None:
    await rpc.call("anvil_setStorageAt", address, f"0x{slot:064x}", f"0x{value:064x}")


async def send(rpc: Rpc, sender: str, to: str, data: bytes) -> None:
    """A call from an account that Anvil impersonates, mined; it must not revert."""
    tx_hash = await rpc.call("eth_sendTransaction", {"from": sender, "to": to, "data": "0x" + data.hex()})
    await rpc.call("evm_mine")
    receipt = await rpc.call("eth_getTransactionReceipt", tx_hash)
    assert (receipt or {}).get("status") == "0x1", receipt
