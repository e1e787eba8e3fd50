"""Tokens of the local market that turn hostile: one listed token is given other code and keeps its balances."""

from __future__ import annotations

from enum import IntEnum
from functools import lru_cache
from pathlib import Path

from sentinel.chain.rpc import Rpc
from sentinel.cli.setup.solidity import compiled
from sentinel.core.network import Address

SOURCE = Path(__file__).with_name("solidity") / "Hostile.sol"
_KIND, _VALUE, _VICTIM = 5, 6, 7  # slots


class Kind(IntEnum):
    """As in Hostile.sol."""

    PLAIN = 0
    FEE = 1
    REBASE = 2
    UNSELLABLE = 3
    BLOCKED = 4
    PAUSED = 5
    LYING_EVENT = 6
    FALSE_UNMOVED = 7
    FALSE_MOVED = 8
    RETURNS_NOTHING = 9
    REENTERS = 10
    RETURN_BOMB = 11
    GAS_BURNER = 12
    BALANCE_BOMB = 13
    BALANCE_HUGE = 14
    BALANCE_REVERTS = 15
    HALF_TO_OTHERS = 16
    PAYS_LATER = 17
    THIEF = 18
    REVERT_TEXT = 19


@lru_cache(maxsize=1)
def _creation() -> str:
    return str(compiled({SOURCE.name: SOURCE.read_text()})["Hostile"]["bytecode"])


async def turn(rpc: Rpc, token: Address, kind: Kind, value: int, victim: Address) -> None:
    """From now on the token behaves as the kind says, to this wallet."""
    runtime = await rpc.call("eth_call", {"data": _creation()})
    await rpc.call("anvil_setCode", token, runtime)
    for slot, word in ((_KIND, int(kind)), (_VALUE, value), (_VICTIM, int(victim, 16))):
        await rpc.call("anvil_setStorageAt", token, f"0x{slot:064x}", f"0x{word:064x}")
