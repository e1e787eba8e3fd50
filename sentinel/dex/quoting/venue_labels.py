"""Venue labels for the agent: the part of a pool's name after its first hyphen, such as "v3-500"."""

from __future__ import annotations

from sentinel.core.errors import ActionFault
from sentinel.core.network import Network, Pool, Symbol
from sentinel.dex.quoting.quotes import pools_of


def label_of(pool: Pool) -> str:
    return pool.name.partition("-")[2]


def labels(network: Network, a: Symbol, b: Symbol) -> tuple[str, ...]:
    """The labels of all venues that trade the two tokens, in the order of the pools' names."""
    return tuple(label_of(pool) for pool in pools_of(network, a, b))


def find_pool(network: Network, a: Symbol, b: Symbol, venue: object) -> Pool:
    """The pool with this venue label. Raises ActionFault if there is none."""
    for pool in pools_of(network, a, b):
        if label_of(pool) == venue:
            return pool
    known = ", ".join(labels(network, a, b))
    raise ActionFault(f"no such venue for {a} and {b}; known are {known}" if known else f"no pool trades {a} and {b}")
