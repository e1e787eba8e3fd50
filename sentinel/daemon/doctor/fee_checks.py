"""Does the chain take its fees as the network file says? A part of `sentinel doctor`."""

from __future__ import annotations

from collections.abc import AsyncIterator

from sentinel.chain.fee_market import InclusionPrice, data_fee_of, data_fee_reads, usual_tip
from sentinel.chain.heads import parse_head
from sentinel.chain.rpc import JsonRpc
from sentinel.config.terms import Terms
from sentinel.core.errors import RpcError, Unavailable
from sentinel.core.network import DEVELOPMENT_CHAIN, FeeMarket, Network
from sentinel.core.units import GWEI
from sentinel.daemon.doctor.findings import Finding


async def fees(terms: Terms, rpc: JsonRpc) -> AsyncIterator[Finding]:
    """Base fee or none, what inclusion costs now against floor and cap, and the oracle of a data fee."""
    network, limits, floor = terms.network, terms.limits, terms.fee_floor
    block = await rpc.call("eth_getBlockByNumber", "latest", False)
    head = parse_head(block)
    if network.fees is FeeMarket.EIP1559 and block.get("baseFeePerGas") is None:
        mend = 'write fees = "legacy" in the network file'
        yield Finding("fees", "fail", "blocks have no base fee, and the file names no legacy fees", mend)
        return
    replies = await rpc.batch(InclusionPrice(network).calls(head))
    market = InclusionPrice(network).price(head, replies)
    name, source = ("gas price", "eth_gasPrice") if network.fees is FeeMarket.LEGACY else ("tip", "eth_feeHistory")
    told = f"{name} {market / GWEI:g} gwei by {source}, base fee {head.base_fee / GWEI:g}"
    if network.fees is FeeMarket.EIP1559 and usual_tip(replies[0]) is None:
        told = f"{name} {market / GWEI:g} gwei by the node's own word, which has no fee history"
    if market > limits.max_priority_fee:
        mend = "raise the cap on the fee, or wait: what is offered would not be included"
        yield Finding("fees", "warn", f"{told}; the cap is {limits.max_priority_fee / GWEI:g}", mend)
    elif floor > 10 * max(market, 1) and network.chain_id != DEVELOPMENT_CHAIN:
        mend = "lower SENTINEL_EXECUTION__MIN_PRIORITY_FEE_GWEI: it is what each trade pays"
        yield Finding("fees", "warn", f"{told}; the floor is {floor / GWEI:g}", mend)
    else:
        yield Finding("fees", "ok", told)
    if network.data_fee is not None:
        yield await _data_fee(network, rpc)


async def _data_fee(network: Network, rpc: JsonRpc) -> Finding:
    calls = [("eth_call", [{"to": to, "data": "0x" + data.hex()}, "latest"]) for to, data in data_fee_reads(network)]
    replies = await rpc.batch(calls)
    try:
        fee = data_fee_of([None if isinstance(one, RpcError) else bytes.fromhex(one[2:]) for one in replies])
    except Unavailable as error:
        return Finding("data fee", "fail", str(error), "leave data_fee out of the file where the chain takes none")
    assert fee is not None
    return Finding(
        "data fee", "ok", f"a transaction of 1 KiB pays at most {_kibibyte(fee.least, fee.more):g} gwei more"
    )


def _kibibyte(least: int, more: int) -> float:
    return (least + more // 16) / GWEI
