"""The complete local market in one object: `async with Devnet.start() as net`."""

from __future__ import annotations

import contextlib
import json
import secrets
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from eth_utils.crypto import keccak

from sentinel.chain.anvil import HOST, start_anvil
from sentinel.chain.market_prices import publish_prices
from sentinel.chain.rpc import Rpc
from sentinel.chain.socket_rpc import SocketRpc
from sentinel.config.network_file import load_network
from sentinel.core.errors import RpcError
from sentinel.core.host.process import Child
from sentinel.core.network import DEVELOPMENT_CHAIN, NATIVE, Address, Network, Symbol
from sentinel.market.artifacts import Artifacts
from sentinel.market.contracts import ZERO
from sentinel.market.crowd import CrowdBehaviour
from sentinel.market.genesis import GAS_LIMIT, HARDFORK, genesis
from sentinel.market.local_market import Clock, LocalMarket, MarketError
from sentinel.market.price_path import PricePath
from sentinel.prices.bars import packaged

KEPT_STATES = 256  # newest blocks whose state can be read
KEPT_BLOCKS = 4096  # newest blocks whose transactions and receipts can be read; both limits bound Anvil's memory


@dataclass(frozen=True, slots=True)
class Devnet:
    """A running local market. Only `market` makes blocks: by `step()`, or by a task that runs `run()`."""

    rpc_url: str
    ws_url: str
    network: Network
    market: LocalMarket
    rpc: Rpc
    process: Child

    @classmethod
    @contextlib.asynccontextmanager
    async def start(
        cls,
        *,
        port: int = 0,
        listen: str = HOST,
        prices: PricePath | None = None,
        seed: int = 7,
        behaviour: CrowdBehaviour | None = None,
        clock: Clock = time.time,
        anvil: str | Path | None = None,
        cache: Path | None = None,
        log: Path | None = None,
        identity: str | None = None,
        flags: Sequence[str] = ("--hardfork", HARDFORK),
        socket: Path | None = None,
        kept_blocks: int = KEPT_BLOCKS,
        kept_states: int = KEPT_STATES,
    ) -> AsyncIterator[Devnet]:
        """Open a market on a fresh chain and stop all of it at the end. Pools open in block 1 at the first price.

        `port` 0 means a free port. `prices` defaults to the packaged set, from its first minute.
        `seed` determines noise, openings, WBTC's ratio and the base fee. `flags` are Anvil's options for the kind of
        chain. Markets of different `identity` have different first blocks, so that no journal takes one for the other.
        None means an identity of its own for each start. Empty means none: the same inputs then give the same blocks.

        `kept_blocks`: the newest blocks whose transactions and receipts can be read, `kept_states`: those whose state
        can; both bound Anvil's memory. The chain also listens on the unix socket `socket`, if one is given, and is
        driven there: it costs a sixth of HTTP.

        Raises OperatorError if a part is not installed, ChildFailed if Anvil fails.
        """
        baked = await genesis(Artifacts(cache), anvil=anvil)
        arguments = ["--chain-id", str(DEVELOPMENT_CHAIN)]
        arguments += ["--accounts", "0", "--no-mining", *flags, "--gas-limit", str(GAS_LIMIT)]
        arguments += [
            "--prune-history",
            str(kept_states),
            "--transaction-block-keeper",
            str(kept_blocks),
            "--order",
            "fees",
        ]
        arguments += [] if socket is None else ["--ipc", str(socket)]
        with _first_block(baked, secrets.token_hex(16) if identity is None else identity) as path:
            arguments += ["--init", str(path)]
            process, url = await start_anvil(port=port, listen=listen, program=anvil, arguments=arguments, log=log)
        try:
            async with Rpc(url) if socket is None else SocketRpc(socket) as rpc:
                await rpc.call("anvil_setCoinbase", ZERO)  # only the first block has the coinbase of its own
                network = load_network("devnet")
                prices = prices or PricePath.recorded(packaged(), seed=seed)
                await publish_prices(rpc, prices.text)
                market = LocalMarket(rpc, network, prices, seed=seed, behaviour=behaviour, clock=clock)
                await market.open()
                yield cls(url, url.replace("http", "ws", 1), network, market, rpc, process)
        finally:
            await process.stop()

    async def fund(self, address: Address, amounts: Mapping[Symbol, int]) -> None:
        """Set balances (no addition), in base units; NATIVE in wei. Takes effect immediately, without a block."""
        await self._set(
            [
                ("anvil_setBalance", (address, hex(amount)))
                if symbol == NATIVE
                else ("anvil_dealERC20", (address, self.network.tokens[symbol].address, hex(amount)))
                for symbol, amount in amounts.items()
            ]
        )

    async def allow_permit2(self, address: Address, amounts: Mapping[Symbol, int]) -> None:
        """Set the ERC-20 allowances of `address` for Permit2, in base units, without a transaction."""
        permit2 = self.network.permit2
        await self._set(
            [
                ("anvil_setERC20Allowance", (address, permit2, self.network.tokens[symbol].address, hex(amount)))
                for symbol, amount in amounts.items()
            ]
        )

    async def _set(self, calls: list[tuple[str, tuple[str, ...]]]) -> None:
        for method, parameters in calls:  # one by one, because Anvil runs the calls of a batch concurrently
            try:
                await self.rpc.call(method, *parameters)
            except RpcError as error:
                raise MarketError(f"{method} failed: {error}") from error


@contextlib.contextmanager
def _first_block(baked: Path, identity: str) -> Iterator[Path]:
    """The genesis file with a coinbase that is made from `identity`. Of all fields that say nothing else, Anvil hashes
    this one alone into the first block. The file is deleted once Anvil has read it."""
    if not identity:
        yield baked
        return
    content = json.loads(baked.read_text())
    content["coinbase"] = "0x" + keccak(text=f"sentinel: local market {identity}")[12:].hex()
    with tempfile.NamedTemporaryFile("w", prefix="sentinel-genesis-", suffix=".json") as file:
        json.dump(content, file)
        file.flush()
        yield Path(file.name)
