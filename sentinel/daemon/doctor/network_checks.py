"""Doctor's checks of the network file: its addresses, tokens, pools and feeds against the contracts themselves."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping, Sequence

from eth_abi.abi import encode
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from sentinel.chain import chain_identity
from sentinel.chain.contract_calls import ERC20, FEED, PERMIT2, POOL, answers, contract, web3
from sentinel.chain.network_facts import differs
from sentinel.chain.rpc import JsonRpc, quantity
from sentinel.core.age import Age
from sentinel.core.network import DEVELOPMENT_CHAIN, Address, Feed, Network, Pool
from sentinel.daemon.doctor.findings import Finding
from sentinel.dex.venues.registry import VENUES

_DOMAIN = keccak(text="EIP712Domain(string name,uint256 chainId,address verifyingContract)")
_GETTERS: Mapping[str, Mapping[str, str]] = {  # venue -> field of a pool in the file -> the contract's getter for it
    "uniswap_v2": {"token0": "token0", "token1": "token1"},
    "uniswap_v3": {"token0": "token0", "token1": "token1", "fee_pips": "fee", "tick_spacing": "tickSpacing"},
}


async def contracts(rpc: JsonRpc, network: Network) -> AsyncIterator[Finding]:
    """Each address of the file has code, and each pinned code hash is that of the code."""
    codes, names = await chain_identity.contract_codes(rpc, network), _names(network)

    def named(addresses: Sequence[Address]) -> str:
        return ", ".join(f"{names.get(address, 'pinned')} {address}" for address in addresses)

    if codes.missing:
        hint = "correct these addresses in the network file"
        yield Finding("contracts", "fail", f"no code at {named(codes.missing)}", hint)
    if codes.changed:
        hint = "do not trade: the code differs from the hash in the network file; find out why it changed"
        yield Finding("contracts", "fail", f"other code at {named(codes.changed)}", hint)
    if codes.unpinned:
        hashes = "; ".join(f"{names.get(address, '')} {address} has {code}" for address, code in codes.unpinned)
        hint = "compare the hashes with a source that you trust, then write them under [code_hashes]"
        yield Finding("code hashes", "warn", f"not pinned: {hashes}", hint)
    if not codes.missing and not codes.changed:
        yield Finding("contracts", "ok", f"{codes.checked} have code, {codes.pinned} of them with the pinned hash")


async def tokens(rpc: JsonRpc, network: Network) -> AsyncIterator[Finding]:
    """decimals() of each token, and the domain for which Permit2 accepts signed permits."""
    w3, listed = web3(rpc), list(network.tokens.values())
    calls = [contract(w3, token.address, ERC20).functions.decimals() for token in listed]
    domain = contract(w3, network.permit2, PERMIT2).functions.DOMAIN_SEPARATOR()
    *replies, separator = await answers([*calls, domain])
    mistakes = [
        differs(f"{token.symbol}: decimals()", decimals, token.decimals)
        for token, decimals in zip(listed, replies, strict=True)
        if decimals != token.decimals
    ]
    if mistakes:
        hint = "correct the token's decimals or its address in the network file"
        yield Finding("decimals", "fail", "; ".join(mistakes), hint)
    else:
        yield Finding("decimals", "ok", f"{len(listed)} tokens have the decimals of the file")
    fields = [_DOMAIN, keccak(text="Permit2"), network.chain_id, network.permit2]
    if separator == keccak(encode(["bytes32", "bytes32", "uint256", "address"], fields)):
        yield Finding("permit2", "ok", "its signing domain is of this chain")
    else:
        hint = "correct permit2 in the network file: this contract would reject every permit signed for this chain"
        yield Finding("permit2", "fail", "its signing domain is not that of Permit2 on this chain", hint)


async def pools(rpc: JsonRpc, network: Network) -> AsyncIterator[Finding]:
    """Tokens, fee and tick spacing of each pool. A V2 pair has no getter for its fee, which its code fixes."""
    getters = {pool: _GETTERS[pool.venue] for pool in network.pools.values() if pool.venue in _GETTERS}
    w3 = web3(rpc)
    calls = [
        contract(w3, pool.address, POOL).functions[getter]()
        for pool, by_field in getters.items()
        for getter in by_field.values()
    ]
    replies = iter(await answers(calls))
    mistakes = [
        f"{pool.name}: no venue is called {pool.venue}" for pool in network.pools.values() if pool.venue not in VENUES
    ]
    for pool, by_field in getters.items():
        for field in by_field:
            actual, expected = next(replies), _expected(network, pool, field)
            if actual != expected:
                mistakes.append(differs(f"{pool.name}: {field}", actual, expected))
    if mistakes:
        hint = "correct the pool's venue, address, tokens, fee or tick spacing in the network file"
        yield Finding("pools", "fail", "; ".join(mistakes), hint)
    else:
        yield Finding("pools", "ok", f"{len(getters)} of {len(network.pools)} checked, tokens and fees as in the file")


async def feeds(rpc: JsonRpc, network: Network) -> AsyncIterator[Finding]:
    """Decimals of each price feed, and an answer that is positive and fresh at the newest block."""
    listed = [*network.feeds.values(), *((network.quote_feed,) if network.quote_feed is not None else ())]
    head = await rpc.call("eth_getBlockByNumber", "latest", False)
    now = quantity(head["timestamp"], 48) if isinstance(head, dict) else int(time.time())
    w3 = web3(rpc)
    functions = [contract(w3, feed.address, FEED).functions for feed in listed]
    replies = await answers([*(feed.decimals() for feed in functions), *(feed.latestRoundData() for feed in functions)])
    decimals, rounds = replies[: len(listed)], replies[len(listed) :]
    problems = [_judge(*reply, now) for reply in zip(listed, decimals, rounds, strict=True)]
    if any(problems):
        for problem in filter(None, problems):
            yield problem
    else:
        yield Finding("feeds", "ok", f"{len(listed)} answer, positive and fresh")
    if unpriced := sorted(set(network.tokens) - set(network.feeds) - {network.quote}):
        hint = (
            "name a feed for each of them under [feeds], or remove these tokens from the network file: policy refuses "
            "a trade without reference prices"
        )
        yield Finding("feeds", "warn", f"no reference price of {', '.join(unpriced)}", hint)
    if network.feeds and network.quote_feed is None and network.chain_id != DEVELOPMENT_CHAIN:
        what = f"all feeds are read as prices in {network.quote}; if they are in USD, 1 to 1 is assumed"
        yield Finding("quote feed", "warn", what, f"name a feed of {network.quote} as [quote_feed]")


def _judge(feed: Feed, decimals: int | None, answer: Sequence[int] | None, now: int) -> Finding | None:
    """What is wrong with a feed, as a finding; None if it is sound. `now` is the time of the newest block."""
    if decimals != feed.decimals:
        hint = "correct the feed's address or decimals in the network file"
        return Finding("feeds", "fail", differs(f"{feed.token}: decimals()", decimals, feed.decimals), hint)
    if answer is None:
        hint = "correct the feed's address in the network file: it must answer latestRoundData()"
        return Finding("feeds", "fail", f"{feed.token}: no answer", hint)
    _, price, _, updated_at, _ = answer
    age = Age.at(now, updated_at)
    if price <= 0:
        return Finding("feeds", "fail", f"{feed.token}: the answer is {price}", "do not trade until it is positive")
    if age.ahead or not age.within(feed.max_age):
        hint = "wait for the next answer; if the feed's heartbeat is longer than max_age, raise max_age in the file"
        what = f"{feed.token}: {age.seconds:.0f} s old at the newest block, and max_age is {feed.max_age} s"
        return Finding("feeds", "warn", what, hint)
    return None


def _expected(network: Network, pool: Pool, field: str) -> Address | int:
    if field in ("token0", "token1"):
        return to_checksum_address(network.tokens[getattr(pool, field)].address)
    expected: int = getattr(pool, field)
    return expected


def _names(network: Network) -> dict[Address, str]:
    """Address -> what the network file calls it."""
    names = {network.universal_router: "universal_router", network.permit2: "permit2", network.multicall3: "multicall3"}
    if network.v3_quoter is not None:
        names[network.v3_quoter] = "v3_quoter"
    names |= {token.address: token.symbol for token in network.tokens.values()}
    names |= {pool.address: pool.name for pool in network.pools.values()}
    names |= {feed.address: f"feed {symbol}" for symbol, feed in network.feeds.items()}
    if network.quote_feed is not None:
        names[network.quote_feed.address] = "quote_feed"
    return names
