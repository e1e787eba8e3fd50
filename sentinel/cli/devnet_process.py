"""`sentinel devnet`: runs the local market in the foreground."""

from __future__ import annotations

import asyncio
import json
import signal

import typer

from sentinel.core.errors import SettingsError
from sentinel.core.network import NATIVE, Address
from sentinel.core.units import COIN
from sentinel.market.devnet import Devnet
from sentinel.market.price_path import PricePath

FUNDS = {"WETH": 2 * COIN, "USDC": 4_000 * 10**6, NATIVE: 10**18}  # base units that --fund transfers
ALLOWED = {
    "WETH": 10**19,
    "USDC": 20_000 * 10**6,
    "WBTC": 5 * 10**7,
}  # base units to Permit2, so that a dry run can simulate swaps


def run_market(
    *, port: int, listen: str, block_time: float, seed: int, fund: str | None, prices: PricePath, as_json: bool
) -> None:
    """Run the market until SIGINT or SIGTERM. Raises the market's error if it ends by itself."""
    asyncio.run(_run(port, listen, block_time, seed, fund, prices, as_json))


async def _run(
    port: int, listen: str, block_time: float, seed: int, fund: str | None, prices: PricePath, as_json: bool
) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with Devnet.start(port=port, listen=listen, prices=prices, seed=seed) as net:
        if fund:
            await net.fund(_address(fund), FUNDS)
            await net.allow_permit2(_address(fund), ALLOWED)
        facts: dict[str, object] = {"rpc_url": net.rpc_url, "ws_url": net.ws_url, "chain_id": net.network.chain_id}
        facts |= {"prices": net.market.source, "price_source": net.market.price_source.as_json()}
        text = f"market on {net.rpc_url} and {net.ws_url}; Ctrl-C ends it\nprices: {net.market.source}"
        typer.echo(json.dumps(facts) if as_json else text)
        running = asyncio.create_task(net.market.run(block_time))
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if running.done():
            running.result()  # raises the error that ended it
        running.cancel()


def _address(text: str) -> Address:
    from eth_utils.address import is_address, to_checksum_address

    if not is_address(text):
        raise SettingsError(f"--fund {text}: not an address")
    return to_checksum_address(text)
