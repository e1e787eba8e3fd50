"""A proxy in front of a node that injects faults, for tests, soak tests and crash tests.

async with FaultProxy(anvil_url, seed=7) as proxy:
    proxy.add("eth_sendRawTransaction", LostReply(), times=1)    # the request is forwarded, its reply is lost
    proxy.add("*", HttpStatus(503), share=0.05)                  # one request in twenty, seeded
    ...                                                          # pass `proxy.url` to the daemon
"""

from lab.faults import lies
from lab.faults.fault_effects import (
    AlteredReply,
    CutReply,
    CutRequest,
    DelayedReply,
    FaultEffect,
    HttpStatus,
    LostReply,
    OtherBody,
    OversizedReply,
    RefusedCalls,
    RpcErrorReply,
    SlowReply,
    SwallowedSend,
    TruncatedReply,
)
from lab.faults.fault_proxy import SEND, FaultProxy, ProxyFault
from lab.faults.mempool import GethPool, Rejected

__all__ = [
    "SEND",
    "AlteredReply",
    "CutReply",
    "CutRequest",
    "DelayedReply",
    "FaultEffect",
    "FaultProxy",
    "GethPool",
    "HttpStatus",
    "LostReply",
    "OtherBody",
    "OversizedReply",
    "ProxyFault",
    "RefusedCalls",
    "Rejected",
    "RpcErrorReply",
    "SlowReply",
    "SwallowedSend",
    "TruncatedReply",
    "lies",
]
