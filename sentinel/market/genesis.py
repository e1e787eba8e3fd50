"""The local market's contracts as a genesis file: baked once into the cache, loaded by Anvil's --init in a blink.

The file holds other people's bytecode, so it lives outside the repository and is never committed.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from pathlib import Path
from typing import Any

from sentinel.chain.anvil import start_anvil
from sentinel.chain.rpc import Rpc
from sentinel.core.host.files import write_atomic
from sentinel.core.network import DEVELOPMENT_CHAIN
from sentinel.core.units import COIN
from sentinel.market import contracts
from sentinel.market.artifacts import Artifacts

HARDFORK = "osaka"
BAKED_AT = 1_577_836_800  # chain time of the first baked block; every market starts later
GAS_LIMIT = 60_000_000
# what only tells of the throw-away chain's blocks: their collected tips, and their hashes (EIP-2935)
_THROWN_AWAY = (contracts.ZERO, "0x0000f90827f1c53a10cb7a02335b175320002935")
_SOURCES = tuple(Path(__file__).with_name(name) for name in ("genesis.py", "contracts.py", "deployment.py"))


def key(artifacts: Artifacts) -> str:
    """Changes whenever the baked state could."""
    total = hashlib.sha256(artifacts.digest().encode())
    for source in _SOURCES:
        total.update(hashlib.sha256(source.read_bytes()).digest())
    return total.hexdigest()[:32]


async def genesis(artifacts: Artifacts | None = None, *, anvil: str | Path | None = None) -> Path:
    """The path of the genesis file; bakes it first where it is missing. Raises OperatorError, ChildFailed."""
    artifacts = artifacts or Artifacts()
    path = artifacts.cache / "devnet" / f"genesis-{key(artifacts)}.json"
    if not path.exists():
        write_atomic(path, json.dumps(await bake(artifacts, anvil=anvil), sort_keys=True))
    return path


async def bake(artifacts: Artifacts, *, anvil: str | Path | None = None) -> dict[str, Any]:
    """Deploy on a throw-away Anvil and give the resulting state as a genesis document; the same one every time."""
    from sentinel.market.deployment import deploy  # it loads web3, which a market that was baked before never needs

    arguments = ["--accounts", "0", "--auto-impersonate", "--no-mining", "--hardfork", HARDFORK]
    arguments += ["--chain-id", str(DEVELOPMENT_CHAIN), "--timestamp", str(BAKED_AT), "--gas-limit", str(GAS_LIMIT)]
    child, url = await start_anvil(program=anvil, arguments=arguments)
    try:
        async with Rpc(url) as rpc:
            await rpc.call("anvil_setBlockTimestampInterval", 1)
            await deploy(rpc, artifacts)
            for sender in (contracts.DEPLOYER, *contracts.members()):  # what deploying cost depends on nothing
                await rpc.call("anvil_setBalance", sender, hex(10**9 * COIN))
            dump = await rpc.call("anvil_dumpState")
    finally:
        await child.stop()
    return document(json.loads(gzip.decompress(bytes.fromhex(dump[2:]))))


def document(state: dict[str, Any]) -> dict[str, Any]:
    """An Anvil state dump as a genesis file, in one canonical order."""
    alloc = {}
    for address, account in sorted(state["accounts"].items()):
        if address in _THROWN_AWAY:
            continue
        entry: dict[str, Any] = {
            "balance": hex(int(str(account["balance"]), 0)),
            "nonce": hex(int(str(account["nonce"]), 0)),
        }
        if account["code"] not in ("", "0x"):
            entry["code"] = account["code"]
        if account["storage"]:
            entry["storage"] = {_word(slot): _word(value) for slot, value in sorted(account["storage"].items())}
        alloc[address] = entry
    return {
        "config": {"chainId": DEVELOPMENT_CHAIN},
        "timestamp": hex(BAKED_AT + 1_000),
        "gasLimit": hex(GAS_LIMIT),
        "difficulty": "0x0",
        "alloc": alloc,
    }


def _word(value: str) -> str:
    return f"0x{int(value, 16):064x}"
