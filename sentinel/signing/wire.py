"""The signer's socket as both of its ends have it: one JSON object a line each way."""

from __future__ import annotations

VERSION = 1  # of the requests and answers; another one is refused
MAX_LINE = 64 * 1024  # bytes of a request or an answer
