"""Does the network file say of each contract what the contract says of itself? A part of `sentinel doctor`."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping, Sequence

from eth_abi.abi import encode
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from sentinel.chain import chain_identity
from sentinel.chain.contract_calls import ERC20, FEED, PERMIT2, POOL, answers, contract, web3
from sentinel.chain.rpc import JsonRpc, quantity
from sentinel.core.network import DEVELOPMENT_CHAIN, Address, Feed, Network, Pool
from sentinel.daemon.doctor.findings import Finding
from sentinel.dex.venues.registry import VENUES

_DOMAIN = keccak(text="EIP712Domain(string name,uint256 chainId,address verifyingContract)")
_READS: Mapping[str, Mapping[str, str]] = {  # venue -> what of the file the contract tells itself -> how it is asked
    "uniswap_v2": {"token0": "token0", "token1": "token1"},
    "uniswap_v3": {"token0": "token0", "token1": "token1", "fee_pips": "fee", "tick_spacing": "tickSpacing"},
}


async def contracts(rpc: JsonRpc, network: Network) -> AsyncIterator[Finding]:
    """Code where the file says, and the code that it pins."""
    found, names = await chain_identity.contract_codes(rpc, network), _names(network)

    def named(addresses: Sequence[Address]) -> str:
        return ", ".join(f"{names.get(address, 'pinned')} {address}" for address in addresses)

    if found.missing:
        yield Finding("contracts", "fail", f"no code at {named(found.missing)}", "mend the addresses in the file")
    if found.changed:
        mend = "do not trade: the code is not what the network file pins; find out what changed it"
        yield Finding("contracts", "fail", f"other code at {named(found.changed)}", mend)
    if found.unpinned:
        told = "; ".join(f"{names.get(address, '')} {address} has {code}" for address, code in found.unpinned)
        mend = "compare with a source that you trust, then write the hashes under [code_hashes]"
        yield Finding("code hashes", "warn", f"not pinned: {told}", mend)
    if not found.missing and not found.changed:
        yield Finding("contracts", "ok", f"{found.checked} have code, {found.pinned} of them as pinned")


async def tokens(rpc: JsonRpc, network: Network) -> AsyncIterator[Finding]:
    """decimals() of each token, and the domain that Permit2 lets permits be signed for."""
    w3, given = web3(rpc), list(network.tokens.values())
    decimals = [contract(w3, token.address, ERC20).functions.decimals() for token in given]
    domain = contract(w3, network.permit2, PERMIT2).functions.DOMAIN_SEPARATOR()
    *said, separator = await answers([*decimals, domain])
    wrong = [
        f"{token.symbol} says {'nothing' if number is None else number}, the file {token.decimals}"
        for token, number in zip(given, said, strict=True)
        if number != token.decimals
    ]
    if wrong:
        yield Finding("decimals", "fail", "; ".join(wrong), "mend decimals, or the token's address, in the file")
    else:
        yield Finding("decimals", "ok", f"{len(given)} tokens as in the file")
    fields = [_DOMAIN, keccak(text="Permit2"), network.chain_id, network.permit2]
    if separator == keccak(encode(["bytes32", "bytes32", "uint256", "address"], fields)):
        yield Finding("permit2", "ok", "its signing domain is this chain's")
    else:
        mend = "mend permit2 in the file: no permit signed for this chain would be taken"
        yield Finding("permit2", "fail", "its signing domain is not that of Permit2 on this chain", mend)


async def pools(rpc: JsonRpc, network: Network) -> AsyncIterator[Finding]:
    """Tokens, fee and tick spacing as the contract has them. A V2 pair has no fee to ask for: it is the code's."""
    asked = {pool: _READS[pool.venue] for pool in network.pools.values() if pool.venue in _READS}
    w3 = web3(rpc)
    calls = [
        contract(w3, pool.address, POOL).functions[name]() for pool, fields in asked.items() for name in fields.values()
    ]
    said = iter(await answers(calls))
    wrong = [
        f"{pool.name}: no venue is called {pool.venue}" for pool in network.pools.values() if pool.venue not in VENUES
    ]
    for pool, fields in asked.items():
        for field in fields:
            found, expected = next(said), _expected(network, pool, field)
            if found != expected:
                says = "does not tell" if found is None else f"says {found}"
                wrong.append(f"{pool.name} {says} {field}, the file {expected}")
    if wrong:
        yield Finding("pools", "fail", "; ".join(wrong), "mend the pool's venue, address, tokens or fee in the file")
    else:
        yield Finding("pools", "ok", f"{len(asked)} of {len(network.pools)} asked, tokens and fees as in the file")


async def feeds(rpc: JsonRpc, network: Network) -> AsyncIterator[Finding]:
    """Decimals, and an answer that is positive and fresh at the newest block."""
    given = [*network.feeds.values(), *((network.quote_feed,) if network.quote_feed is not None else ())]
    head = await rpc.call("eth_getBlockByNumber", "latest", False)
    now = quantity(head["timestamp"], 48) if isinstance(head, dict) else int(time.time())
    w3 = web3(rpc)
    asked = [contract(w3, feed.address, FEED).functions for feed in given]
    said = await answers([*(feed.decimals() for feed in asked), *(feed.latestRoundData() for feed in asked)])
    decimals, rounds = said[: len(given)], said[len(given) :]
    sound = True
    for feed, number, answer in zip(given, decimals, rounds, strict=True):
        if (finding := _judge(feed, number, answer, now)) is not None:
            sound = False
            yield finding
    if sound:
        yield Finding("feeds", "ok", f"{len(given)} answer, positive and fresh")
    if unpriced := sorted(set(network.tokens) - set(network.feeds) - {network.quote}):
        mend = "name a feed of each under [feeds], or leave these tokens out: policy refuses trades without a reference"
        yield Finding("feeds", "warn", f"no reference price of {', '.join(unpriced)}", mend)
    if network.feeds and network.quote_feed is None and network.chain_id != DEVELOPMENT_CHAIN:
        told = f"the feeds' answers are taken to be in {network.quote}: where they are in USD, 1 to 1 is assumed"
        yield Finding("quote feed", "warn", told, f"name a feed of {network.quote} as [quote_feed]")


def _judge(feed: Feed, decimals: int | None, answer: Sequence[int] | None, now: int) -> Finding | None:
    if decimals != feed.decimals:
        told = "nothing" if decimals is None else str(decimals)
        what = f"{feed.token}: decimals() says {told}, the file {feed.decimals}"
        return Finding("feeds", "fail", what, "mend the feed's address or decimals in the file")
    if answer is None:
        mend = "mend the feed's address: latestRoundData() is what is read"
        return Finding("feeds", "fail", f"{feed.token}: no answer", mend)
    _, price, _, updated_at, _ = answer
    age = now - updated_at
    if price <= 0:
        return Finding("feeds", "fail", f"{feed.token}: the answer is {price}", "do not trade until the feed is sound")
    if not 0 <= age <= feed.max_age:
        mend = "wait for the next answer; where the feed's heartbeat is longer, raise max_age in the file"
        return Finding("feeds", "warn", f"{feed.token}: {age} s old at the newest block, at most {feed.max_age}", mend)
    return None


def _expected(network: Network, pool: Pool, field: str) -> Address | int:
    if field in ("token0", "token1"):
        return to_checksum_address(network.tokens[getattr(pool, field)].address)
    expected: int = getattr(pool, field)
    return expected


def _names(network: Network) -> dict[Address, str]:
    named = {network.universal_router: "universal_router", network.permit2: "permit2", network.multicall3: "multicall3"}
    if network.v3_quoter is not None:
        named[network.v3_quoter] = "v3_quoter"
    named |= {token.address: token.symbol for token in network.tokens.values()}
    named |= {pool.address: pool.name for pool in network.pools.values()}
    named |= {feed.address: f"feed {symbol}" for symbol, feed in network.feeds.items()}
    if network.quote_feed is not None:
        named[network.quote_feed.address] = "quote_feed"
    return named
