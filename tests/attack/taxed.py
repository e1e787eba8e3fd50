"""A token of the local market that begins to tax its transfers."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from sentinel.chain.rpc import Rpc
from sentinel.cli.setup.solidity import compiled

SOURCE = Path(__file__).with_name("solidity") / "Taxed.sol"
_TAX_SLOT = 5


@lru_cache(maxsize=1)
def _creation() -> str:
    return str(compiled({SOURCE.name: SOURCE.read_text()})["Taxed"]["bytecode"])


async def tax(rpc: Rpc, token: str, bps: int) -> None:
    """From now on each transfer of this token, and each payout of the wrapped coin, loses so much on its way."""
    runtime = await rpc.call("eth_call", {"data": _creation()})
    await rpc.call("anvil_setCode", token, runtime)
    await rpc.call("anvil_setStorageAt", token, f"0x{_TAX_SLOT:064x}", f"0x{bps:064x}")
