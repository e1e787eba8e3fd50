"""Sentinel: an on-chain trading daemon. A small model proposes, exact simulation votes, hard limits decide."""

__version__ = "0.1.0"
