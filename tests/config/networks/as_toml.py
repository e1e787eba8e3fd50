"""A Network written as the file that it would be read from."""

from __future__ import annotations

import json
from dataclasses import fields

from sentinel.core.network import Network, Pool

_POOL = tuple(field.name for field in fields(Pool))


def as_toml(network: Network) -> str:
    """Symbols, addresses and hashes need no other escaping than JSON's, which TOML shares."""
    plain = (
        *("chain_id", "pinned_block", "pinned_hash", "quote", "wrapped", "hardfork", "block_time"),
        *("universal_router", "permit2", "multicall3", "v3_quoter", "fees", "data_fee"),
    )
    tables: dict[str, dict[str, object]] = {}
    for symbol, token in network.tokens.items():
        tables[f"tokens.{symbol}"] = {"address": token.address, "decimals": token.decimals}
        tables[f"tokens.{symbol}"] |= {"code_hash": token.code_hash} if token.code_hash else {}
        tables[f"tokens.{symbol}"] |= {"trusted": True} if token.trusted else {}
    for name, pool in network.pools.items():
        keys = [key for key in _POOL if key != "name" and getattr(pool, key)]
        tables[f'pools."{name}"'] = {key: getattr(pool, key) for key in keys}
    given = [(f"feeds.{symbol}", feed) for symbol, feed in network.feeds.items()]
    if network.quote_feed is not None:
        given.append(("quote_feed", network.quote_feed))
    for name, feed in given:
        tables[name] = {"address": feed.address, "decimals": feed.decimals, "max_age": feed.max_age}
    lines = _lines({key: getattr(network, key) for key in plain})
    for name, table in tables.items():
        lines += ["", f"[{name}]", *_lines(table)]
    lines += ["", "[code_hashes]", *(f'"{address}" = "{hash_}"' for address, hash_ in network.code_hashes.items())]
    return "\n".join(lines) + "\n"


def _lines(table: dict[str, object]) -> list[str]:
    return [f"{key} = {json.dumps(value)}" for key, value in table.items() if value is not None]
