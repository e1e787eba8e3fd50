"""A contract that counts how often each trade took effect, and trades that do nothing else."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from eth_abi.abi import encode

from sentinel.chain.heads import parse_head
from sentinel.chain.rpc import Rpc
from sentinel.config.network_file import load_network
from sentinel.core.actions import Candidate, Leg, Route, Swap
from sentinel.core.decision import Act
from sentinel.core.errors import RpcError
from sentinel.core.market_state import Head, MarketState, Reference
from sentinel.core.network import HexHash, Network
from sentinel.core.simulation import SimEnv, Simulation, TxRequest
from sentinel.core.units import GWEI
from sentinel.execute.fee_bids import FeeCaps
from sentinel.execute.send_state import SendRules
from sentinel.signing.process.local_signer import DevSigner
from sentinel.signing.router_call import EXECUTE
from sentinel.signing.signer import Signer
from sentinel.signing.signer_limits import SignerLimits, listed_pools

SENDER = "0x0000000000000000000000000000000000000001"  # the wallet, in a router call
ROUTER = "0x0000000000000000000000000000000000000002"  # the router itself
COUNTER = "0x00000000000000000000000000000000c0dEc0DE"
# Reverts if block.timestamp is past the deadline (word 2 of execute's arguments). Else adds 1 to the slot of word 10,
# which is the amount of a V2 swap that is followed by one more command.
COUNTER_CODE = "0x6044354211156" + "00e57" + "60006000fd" + "5b" + "6101443580546001019055" + "00"
CAPS = FeeCaps(500 * GWEI, 50 * GWEI, 10**18)
LEGACY_CAPS = FeeCaps(500 * GWEI, 500 * GWEI, 10**18, legacy=True)
_CHUNK = 500  # slots per request


_ZERO = "0x" + "00" * 32
_HEAD = Head(0, HexHash(_ZERO), HexHash(_ZERO), 0, 0, 0, COUNTER, _ZERO)
# What `prepare` reads of a state: the reference prices that the signer is shown.
STATE = MarketState(_HEAD, COUNTER, {}, {}, {}, {"WETH": Reference(2000 * 10**8, 8, 0)}, {}, 0, {}, {}, 0)


@cache
def network() -> Network:
    """The devnet with the counter in the router's place."""
    return dataclasses.replace(load_network("devnet"), universal_router=COUNTER)


_RULES = SendRules(1, 3, 60.0, CAPS, bump_after_seconds=0.0, foreign_after=0.0)


def rules(**changes: Any) -> SendRules:
    """Send rules for fast blocks, with `changes`."""
    return dataclasses.replace(_RULES, **changes)


def signer(key: Path, clock: Callable[[], float] = time.time, caps: FeeCaps = CAPS) -> DevSigner:
    """A signer for calls of the counter, with the key in the file `key`."""
    chain = network()
    limits = SignerLimits(
        chain_id=31337,
        router=COUNTER,
        permit2=chain.permit2,
        amounts={chain.tokens[symbol].address: 10**30 for symbol in ("USDC", "WETH")},
        max_gas=1_000_000,
        max_fee=caps.max_fee,
        max_priority_fee=caps.max_priority_fee,
        max_cost=caps.max_cost,
        max_lifetime=1_000_000,  # fast blocks let the chain's time run ahead of the clock
        wrapped=chain.tokens[chain.wrapped].address,
        legacy=caps.legacy,
        pools=listed_pools(chain),
    )
    return DevSigner.load(key, limits, clock)


def decision(tag: int, deadline: int, head: Head, fee: int = 100 * GWEI, tip: int = 2 * GWEI) -> Act:
    """A trade that only adds 1 to the counter of `tag`, which is also its amount and its min output.

    Its bytes buy native coin, for which the signer demands no check of a balance.
    """
    path = [network().tokens[symbol].address for symbol in ("USDC", "WETH")]
    given = encode(["address", "uint256", "uint256", "address[]", "bool"], [ROUTER, tag, 0, path, True])
    unwrap = encode(["address", "uint256"], [SENDER, tag * 10**12])  # more than any price of the feeds gives
    data = EXECUTE + encode(["bytes", "bytes[]", "uint256"], [b"\x08\x0c", [given, unwrap], deadline])
    tx = TxRequest(COUNTER, data, 0, 100_000)
    swap = Swap((Route((Leg("WETH/USDC-v2", "USDC", "WETH", "uniswap_v2"),), tag),), tag, deadline)
    env = SimEnv(0, fee, tip, head.hash, head.number + 1, head.timestamp, head.base_fee, 30_000_000, COUNTER, "0x00")
    return Act(Simulation(Candidate(0, swap, ""), tx, env, {}, tag, 50_000, (), None), 5, 8, 5, 0)


async def finalise(simulation: Simulation, state: MarketState, signer: Signer) -> TxRequest:
    """The transaction as it is, because it needs no permit; a `sender.Finalise`."""
    assert simulation.tx is not None
    return simulation.tx


async def read_head(rpc: Rpc, block: str = "latest") -> Head:
    """The head of the chain, or another block's."""
    return parse_head(await rpc.call("eth_getBlockByNumber", block, False))


async def effects(rpc: Rpc, tags: Sequence[int]) -> list[int]:
    """For each tag, how often its trade took effect on the chain. Raises RpcError."""
    counts: list[int] = []
    for start in range(0, len(tags), _CHUNK):
        for word in await rpc.batch(
            [("eth_getStorageAt", [COUNTER, hex(tag), "latest"]) for tag in tags[start : start + _CHUNK]]
        ):
            if isinstance(word, RpcError):
                raise word
            counts.append(int(word, 16))
    return counts
