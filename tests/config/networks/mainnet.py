"""A chain with id 1 in the state before a recorded block, and Ethereum's network file cut down to what it carries.

Real: tokens, pools, feeds and routers as far as the block's pre-state holds them, at their real addresses. Put in where
the block does not carry them, and said so in `put_in`: Permit2, Universal Router and Multicall3 from the published
packages, and the project's own Feed contract in a feed's place, with the block's pool price (a test double).
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from sentinel.chain.anvil import start_anvil
from sentinel.chain.heads import latest_head
from sentinel.chain.history import BlockCloses
from sentinel.chain.market_reader import MarketReader
from sentinel.chain.rpc import Rpc
from sentinel.config.network_file import load_network
from sentinel.core.errors import RpcError
from sentinel.core.market_state import Head
from sentinel.core.network import NATIVE, Address, Feed, Network, Pool, Symbol
from sentinel.market.artifacts import Artifacts
from sentinel.market.deployment import permit2_separator
from tests.config.networks.known import readers, tradable
from tests.config.networks.recorded import Recorded

WALLET: Address = "0x5E00000000000000000000000000000000000001"  # nobody's; it never signs
ROUTER_1_2: Address = "0x3fC91A3afd70395Cd496C647d5a6CC9D4B2b7FAD"  # Universal Router 1.2: newer blocks carry its code
ROUTER_PARAMETERS = (  # of mainnet, as UniversalRouter's constructor takes them
    "0x000000000022D473030F116dDEE9F6B43aC78BA3",
    "0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2",
    "0x5C69bEe701ef814a2B6a3EDD4B1652CB9cc5aA6f",
    "0x1F98431c8aD98523631AE4a59f267346ea31F984",
    bytes.fromhex("96e8ac4277198ff8b6f785478aa9a39f403cb768dd02cbee326c3e7da348845f"),
    bytes.fromhex("e34f199b19b2b4f47f68442619d555527d244f78a3297ea89325f843f87b8b54"),
    "0x000000000004444c5dc75cB358380D2e3dE08A90",
    "0xC36442b4a4522E871399CD717aBDD847Ab11FE88",
    "0xbD216513d74C8cf14cf4747E6AaA6420FF64ee9e",
    "0x5c7BCd6E7De5423a257D81B442095A1a6ced35C5",
)
SLOTS: Mapping[Symbol, tuple[int, int]] = {  # of the mappings: balances, allowances
    "USDC": (9, 10),
    "WETH": (3, 4),
    "USDT": (2, 5),
    "DAI": (2, 3),
    "WBTC": (0, 2),
}
DECIMALS = {"USDC": 6, "WETH": 2, "USDT": 9}  # slots that trades never touch, so that no recording lists them
QUOTES = ("USDC", "USDT", "DAI")  # the first that a pool trades against WETH
FEED_DECIMALS = 8
_PERMIT2_SEPARATOR = bytes.fromhex("d5a17abc")  # the first bytes of the one that the published literal caches


class NotCarried(Exception):
    """The block's state holds no pool that Sentinel could trade."""


def carried(block: Recorded, base: Network) -> Network:
    """`base` with the pools that the block's state prices, and their tokens. Raises NotCarried."""
    pools = {
        name: pool
        for name, pool in base.pools.items()
        if tradable(block, pool) and _has_code(block, pool.address, *(base.tokens[s].address for s in _pair(pool)))
    }
    for quote in QUOTES:
        direct = {name: pool for name, pool in pools.items() if set(_pair(pool)) == {base.wrapped, quote}}
        if direct:
            break
    else:
        raise NotCarried(f"block {block.number} carries no pool of {base.wrapped} and one of {', '.join(QUOTES)}")
    tokens = {symbol: base.tokens[symbol] for symbol in (base.wrapped, quote)}
    router = base.universal_router
    if not _has_code(block, router) and _has_code(block, ROUTER_1_2):
        router = ROUTER_1_2
    addresses = {pool.address for pool in direct.values()} | {base.permit2}
    quote_feed = base.quote_feed if quote == base.quote else None
    return replace(
        base,
        quote=quote,
        tokens=tokens,
        pools=direct,
        feeds={base.wrapped: base.feeds[base.wrapped]},
        quote_feed=quote_feed,
        universal_router=router,
        v3_quoter=None,
        code_hashes={address: hash_ for address, hash_ in base.code_hashes.items() if address in addresses},
    )


@dataclass(frozen=True, slots=True)
class Chain:
    network: Network  # pinned to a block of this chain
    url: str
    rpc: Rpc
    head: Head  # stands where the recorded block's parent stood
    put_in: tuple[str, ...]  # what the block's state did not carry

    def market(self, block: Recorded) -> MarketReader:
        """Reads no further than the recorded slots."""
        return MarketReader(self.rpc, self.network, WALLET, readers(block), BlockCloses(60), min_priority_fee=10**9)


@contextlib.asynccontextmanager
async def started(block: Recorded, purse: Mapping[Symbol, int], folder: Path) -> AsyncIterator[Chain]:
    """The chain with one block mined upon the state; WALLET holds `purse` (base units) and allows Permit2 all of it.

    `folder` takes the genesis file: other people's state, which belongs into no repository. Raises NotCarried.
    """
    network = carried(block, load_network("ethereum"))
    genesis = folder / f"genesis-{block.number}.json"
    genesis.write_text(json.dumps(_genesis(block)))
    arguments = ["--init", str(genesis), "--chain-id", "1", "--number", str(block.number - 2), "--accounts", "0"]
    arguments += ["--no-mining", "--hardfork", network.hardfork, "--gas-limit", "60000000"]
    arguments += ["--timestamp", str(block.timestamp - 24)]
    child, url = await start_anvil(arguments=arguments)
    try:
        async with Rpc(url) as rpc:
            now = block.timestamp - 12  # when the recorded block's parent was made
            put_in = await _complete(rpc, block, network)
            put_in += await _decimals(rpc, block, network)
            await _fund(rpc, network, purse)
            for feed in (*network.feeds.values(), network.quote_feed):
                if feed is not None and not await _answers(rpc, feed, now):
                    put_in.append(await _double(rpc, block, network, feed, now))
            await rpc.call("anvil_setNextBlockBaseFeePerGas", block.header.get("baseFeePerGas", hex(30 * 10**9)))
            await rpc.call("evm_mine", {"timestamp": hex(now)})
            head = await latest_head(rpc)
            pinned = replace(network, pinned_block=head.number, pinned_hash=head.hash)
            yield Chain(pinned, url, rpc, head, tuple(put_in))
    finally:
        await child.stop()


async def _complete(rpc: Rpc, block: Recorded, network: Network) -> list[str]:
    """Put in what every chain of today has, where the block does not carry it."""
    artifacts, put_in = Artifacts(), []
    if not _has_code(block, network.permit2):
        await _set_code(rpc, network.permit2, permit2_of(artifacts, 1))
        put_in.append("Permit2")
    if not _has_code(block, network.multicall3):
        await _set_code(rpc, network.multicall3, await _run(rpc, artifacts.multicall3_creation()))
        put_in.append("Multicall3")
    if not _has_code(block, network.universal_router):
        kind = "(address,address,address,address,bytes32,bytes32,address,address,address,address)"
        creation = artifacts.creation("UniversalRouter") + encode([kind], [ROUTER_PARAMETERS])
        await _set_code(rpc, network.universal_router, await _run(rpc, creation))
        put_in.append("Universal Router")
    return put_in


def permit2_of(artifacts: Artifacts, chain_id: int) -> bytes:
    """The published code with the chain id and domain separator that its constructor caches on that chain."""
    code = artifacts.permit2_runtime()
    at = code.find(_PERMIT2_SEPARATOR)
    for old, new in ((code[at : at + 32], permit2_separator(chain_id)), ((31337).to_bytes(32), chain_id.to_bytes(32))):
        assert code.count(b"\x7f" + old) == 1
        code = code.replace(b"\x7f" + old, b"\x7f" + new)
    return code


async def _decimals(rpc: Rpc, block: Recorded, network: Network) -> list[str]:
    """For doctor's sake: a token that keeps its decimals in storage would say 0 where the slot is not listed."""
    put_in = []
    for symbol, token in network.tokens.items():
        if symbol in DECIMALS and not block.knows(token.address, DECIMALS[symbol]):
            await rpc.call("anvil_setStorageAt", token.address, hex(DECIMALS[symbol]), f"0x{token.decimals:064x}")
            put_in.append(f"decimals of {symbol}")
    return put_in


async def _fund(rpc: Rpc, network: Network, purse: Mapping[Symbol, int]) -> None:
    await rpc.call("anvil_setBalance", WALLET, hex(purse.get(NATIVE, 0)))
    for symbol, token in network.tokens.items():
        balances, allowances = SLOTS[symbol]
        held = _mapped(WALLET, balances)
        allowed = _mapped(network.permit2, int.from_bytes(_mapped(WALLET, allowances)))
        for slot in (held, allowed):
            word = purse.get(symbol, 0).to_bytes(32).hex()
            await rpc.call("anvil_setStorageAt", token.address, "0x" + slot.hex(), "0x" + word)


async def _answers(rpc: Rpc, feed: Feed, now: int) -> bool:
    """Does the real feed answer from the recorded slots, and freshly?"""
    try:
        answer = await rpc.call("eth_call", {"to": feed.address, "data": "0xfeaf968c"}, "latest")
    except RpcError:
        return False
    if len(answer) < 2 + 2 * 160:
        return False
    words = [int(answer[2 + 64 * i : 66 + 64 * i], 16) for i in range(5)]
    return words[1] > 0 and 0 <= now - words[3] <= feed.max_age


async def _double(rpc: Rpc, block: Recorded, network: Network, feed: Feed, now: int) -> str:
    """The project's own Feed contract at the feed's address: 1 for the quote, else the price of the pools here."""
    price = 1.0
    if feed.token != network.quote:
        reader = MarketReader(rpc, network, WALLET, readers(block), BlockCloses(1))
        price = (await reader.closes_at(await latest_head(rpc)))[feed.token]
    creation = Artifacts().creation("Feed") + encode(["string", "uint8"], ["", FEED_DECIMALS])
    await _set_code(rpc, feed.address, await _run(rpc, creation))
    values = {1: 1, 2: round(price * 10**FEED_DECIMALS), 3: now}  # round, answer, updatedAt
    for slot, value in values.items():
        await rpc.call("anvil_setStorageAt", feed.address, hex(slot), f"0x{value:064x}")
    return f"test double of the {feed.token} feed"


def _genesis(block: Recorded) -> dict[str, object]:
    alloc = {
        address: {
            "balance": hex(account.balance),
            "nonce": hex(account.nonce),
            **({"code": "0x" + account.code.hex()} if account.code else {}),
            "storage": {f"0x{slot:064x}": f"0x{value:064x}" for slot, value in account.slots.items() if value},
        }
        for address, account in block.accounts.items()
    }
    return {"config": {"chainId": 1}, "timestamp": hex(block.timestamp - 24), "difficulty": "0x0", "alloc": alloc}


async def _run(rpc: Rpc, creation: bytes) -> bytes:
    """The runtime code that this creation code returns."""
    return bytes.fromhex((await rpc.call("eth_call", {"data": "0x" + creation.hex()}, "latest"))[2:])


async def _set_code(rpc: Rpc, address: Address, code: bytes) -> None:
    assert code
    await rpc.call("anvil_setCode", address, "0x" + code.hex())


def _mapped(address: Address, slot: int) -> bytes:
    return keccak(encode(["address", "uint256"], [address, slot]))


def _pair(pool: Pool) -> tuple[Symbol, Symbol]:
    return pool.token0, pool.token1


def _has_code(block: Recorded, *addresses: Address) -> bool:
    return all((account := block.account(address)) is not None and account.code for address in addresses)
