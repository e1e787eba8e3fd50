"""Which prices drive a local market, written on its chain, so that whoever is connected to it can tell.

The text is the code of an address that nobody calls. No other chain has it, and no other chain is asked for it.
"""

from __future__ import annotations

from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from sentinel.chain.rpc import Endpoint
from sentinel.core.network import DEVELOPMENT_CHAIN, Network
from sentinel.core.untrusted_text import one_line

ADDRESS = to_checksum_address(keccak(b"sentinel: prices of the local market")[12:])
MAX_TEXT = 400  # characters


async def publish_prices(rpc: Endpoint, text: str) -> None:
    """Write which prices drive the market. Raises Unavailable."""
    await rpc.call("anvil_setCode", ADDRESS, "0x" + one_line(text, MAX_TEXT).encode().hex())


async def published_prices(rpc: Endpoint, network: Network) -> str | None:
    """Which prices drive the market; None on another chain, or if nobody wrote it. Raises Unavailable."""
    if network.chain_id != DEVELOPMENT_CHAIN:
        return None
    code = await rpc.call("eth_getCode", ADDRESS, "latest")
    if not isinstance(code, str) or not code.startswith("0x") or len(code) % 2:
        return None
    try:
        text = bytes.fromhex(code[2 : 2 + 2 * MAX_TEXT]).decode("ascii", "replace")
    except ValueError:
        return None
    return one_line(text, MAX_TEXT) or None
