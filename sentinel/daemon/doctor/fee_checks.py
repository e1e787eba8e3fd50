"""Doctor's checks of the fees: the chain charges them as the network file says, and the limits fit the market."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from sentinel.chain.fee_market import InclusionPrice, data_fee_of, data_fee_reads, usual_tip
from sentinel.chain.heads import parse_head
from sentinel.chain.network_facts import wrong_fee_form
from sentinel.chain.replies import is_answer
from sentinel.chain.rpc import JsonRpc
from sentinel.config.terms import Terms
from sentinel.core.errors import RpcError, Unavailable
from sentinel.core.network import DEVELOPMENT_CHAIN, FeeMarket, Network
from sentinel.core.units import GWEI
from sentinel.daemon.doctor.findings import Finding


async def fees(terms: Terms, rpc: JsonRpc) -> AsyncIterator[Finding]:
    """The fee market of the chain, the current price of inclusion against floor and cap, and the data fee if any."""
    network, limits, floor = terms.network, terms.limits, terms.fee_floor
    block = await rpc.call("eth_getBlockByNumber", "latest", False)
    head = parse_head(block)
    if (wrong := wrong_fee_form(network, block)) is not None:
        yield Finding("fees", "fail", wrong, 'write fees = "legacy" in the network file')
        return
    replies = await rpc.batch(InclusionPrice(network).calls(head))
    market = InclusionPrice(network).price(head, replies)
    price = f"{_market_price(network, market, replies)}, base fee {head.base_fee / GWEI:g} gwei"
    if market > limits.max_priority_fee:
        cap = "MAX_FEE_GWEI" if network.fees is FeeMarket.LEGACY else "MAX_PRIORITY_FEE_GWEI"
        hint = f"raise SENTINEL_LIMITS__{cap}, or wait: no bid within the cap would be included now"
        yield Finding("fees", "warn", f"{price}; the cap is {limits.max_priority_fee / GWEI:g} gwei", hint)
    elif floor > 10 * max(market, 1) and network.chain_id != DEVELOPMENT_CHAIN:
        hint = "lower SENTINEL_EXECUTION__MIN_PRIORITY_FEE_GWEI: each trade pays at least this"
        yield Finding("fees", "warn", f"{price}; the floor is {floor / GWEI:g} gwei", hint)
    else:
        yield Finding("fees", "ok", price)
    if network.data_fee is not None:
        yield await _data_fee(network, rpc)


def _market_price(network: Network, market: int, replies: Sequence[object]) -> str:
    """`market` (wei per gas), with the method of the node that it comes from."""
    if network.fees is FeeMarket.LEGACY:
        return f"gas price {market / GWEI:g} gwei by eth_gasPrice"
    if usual_tip(replies[0]) is None:
        return f"priority fee {market / GWEI:g} gwei as the node suggests it (it has no fee history)"
    return f"priority fee {market / GWEI:g} gwei by eth_feeHistory"


async def _data_fee(network: Network, rpc: JsonRpc) -> Finding:
    calls = [("eth_call", [{"to": to, "data": "0x" + data.hex()}, "latest"]) for to, data in data_fee_reads(network)]
    replies = await rpc.batch(calls)
    for reply in replies:
        if isinstance(reply, RpcError) and not is_answer(reply):
            raise reply
    try:
        fee = data_fee_of([None if isinstance(reply, RpcError) else bytes.fromhex(reply[2:]) for reply in replies])
    except Unavailable as error:
        return Finding("data fee", "fail", str(error), "remove data_fee from the network file if the chain takes none")
    assert fee is not None
    return Finding(
        "data fee", "ok", f"a transaction of 1 KiB pays at most {_kibibyte(fee.least, fee.more):g} gwei for its bytes"
    )


def _kibibyte(least: int, more: int) -> float:
    """Upper bound for 1 KiB in gwei, from the two parts of a `DataFee` in wei."""
    return (least + more // 16) / GWEI
