"""A node in front of the node that fails on purpose: for tests, soaks and crash proofs

async with FaultProxy(anvil_url, seed=7) as proxy:
    proxy.add("eth_sendRawTransaction", Lost(), times=1)    # forwarded, then no reply
    proxy.add("*", Status(503), share=0.05)                 # one request in twenty, seeded
    ...                                                     # give `proxy.url` to the daemon
"""

from lab.faults import lies
from lab.faults.effects import (
    Body,
    Cut,
    Delay,
    Drip,
    Effect,
    Error,
    Lie,
    Lost,
    MidReply,
    Oversized,
    Status,
    Swallowed,
    Truncated,
)
from lab.faults.mempool import GethPool, Rejected
from lab.faults.proxy import SEND, Fault, FaultProxy

__all__ = [
    "SEND",
    "Body",
    "Cut",
    "Delay",
    "Drip",
    "Effect",
    "Error",
    "Fault",
    "FaultProxy",
    "GethPool",
    "Lie",
    "Lost",
    "MidReply",
    "Oversized",
    "Rejected",
    "Status",
    "Swallowed",
    "Truncated",
    "lies",
]
