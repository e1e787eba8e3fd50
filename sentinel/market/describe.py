"""Write the network file of the local market from its chain: `python -m sentinel.market.describe`."""

from __future__ import annotations

import asyncio
import sys

from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from sentinel.chain.anvil import start_anvil
from sentinel.chain.contract_calls import Web3, answers, contract, web3
from sentinel.chain.rpc import Rpc
from sentinel.config.network_file import FOLDER
from sentinel.core.network import DEVELOPMENT_CHAIN, Address
from sentinel.market import contracts
from sentinel.market.artifacts import Artifacts
from sentinel.market.genesis import HARDFORK, genesis

FILE = FOLDER / "devnet.toml"
FEED_MAX_AGE = 300  # seconds
BLOCK_TIME = 2.0  # seconds, as in the demo


async def describe(rpc: Rpc) -> str:
    """The text of sentinel/config/networks/devnet.toml for a chain with the baked contracts."""
    at, w3 = contracts.ADDRESSES, web3(rpc)
    pools = {pool.name: await pool_address(w3, pool) for pool in contracts.POOLS}
    lines = [
        "# The local market. Written by `python -m sentinel.market.describe`: addresses and code follow from the",
        "# deployment, so a change of a contract or of their order means writing this file again.",
        f"chain_id = {DEVELOPMENT_CHAIN}",
        'quote = "USDC"',
        'wrapped = "WETH"',
        f'hardfork = "{HARDFORK}"',
        f"block_time = {BLOCK_TIME}",
        f'universal_router = "{at["UniversalRouter"]}"',
        f'permit2 = "{contracts.PERMIT2}"',
        f'multicall3 = "{contracts.MULTICALL3}"',
        f'v3_quoter = "{at["QuoterV2"]}"',
    ]
    for symbol, decimals in contracts.DECIMALS.items():
        lines += ["", f"[tokens.{symbol}]", f'address = "{at[symbol]}"', f"decimals = {decimals}"]
        lines += [f'code_hash = "{await code_hash(w3, at[symbol])}"', "trusted = true"]
    for pool in contracts.POOLS:
        token0, token1 = sorted(pool.tokens, key=lambda symbol: int(at[symbol], 16))
        lines += ["", f'[pools."{pool.name}"]', f'venue = "{pool.venue}"', f'address = "{pools[pool.name]}"']
        lines += [f'token0 = "{token0}"', f'token1 = "{token1}"', f"fee_pips = {pool.fee_pips}"]
        lines += [f"tick_spacing = {pool.tick_spacing}"] if pool.tick_spacing else []
        lines += [f'pool_id = "{pool.pool_id}"'] if pool.pool_id else []
    for symbol in ("WETH", "WBTC"):
        lines += ["", f"[feeds.{symbol}]", f'address = "{at["Feed" + symbol]}"']
        lines += [f"decimals = {contracts.FEED_DECIMALS}", f"max_age = {FEED_MAX_AGE}"]
    lines += ["", "[code_hashes]"]
    named = {"UniversalRouter": at["UniversalRouter"], "Permit2": contracts.PERMIT2, "Multicall3": contracts.MULTICALL3}
    named |= {
        "QuoterV2": at["QuoterV2"],
        "V4Quoter": at["V4Quoter"],
        "WETH feed": at["FeedWETH"],
        "WBTC feed": at["FeedWBTC"],
    } | pools
    for name, address in named.items():
        lines.append(f'"{address}" = "{await code_hash(w3, address)}"  # {name}')
    return "\n".join(lines) + "\n"


async def pool_address(w3: Web3, pool: contracts.PoolPlan) -> Address:
    """The pool's address from its factory; the PoolManager for V4."""
    at, pair = contracts.ADDRESSES, [contracts.ADDRESSES[token] for token in pool.tokens]
    if pool.venue == "uniswap_v4":
        return at["PoolManager"]
    version = "V2" if pool.venue == "uniswap_v2" else "V3"
    factory = contract(w3, at[f"{version}Factory"], Artifacts().abi(f"Uniswap{version}Factory")).functions
    call = factory.getPair(*pair) if version == "V2" else factory.getPool(*pair, pool.fee_pips)
    address: Address
    (address,) = await answers([call])
    return address


async def code_hash(w3: Web3, address: Address) -> str:
    """The keccak hash of the runtime code."""
    return "0x" + keccak(await w3.eth.get_code(to_checksum_address(address))).hex()


async def _main() -> None:
    arguments = ["--accounts", "0", "--no-mining", "--hardfork", HARDFORK, "--init", str(await genesis())]
    child, url = await start_anvil(arguments=arguments)
    try:
        async with Rpc(url) as rpc:
            FILE.write_text(await describe(rpc))
    finally:
        await child.stop()
    sys.stdout.write(f"wrote {FILE}\n")


if __name__ == "__main__":
    asyncio.run(_main())
