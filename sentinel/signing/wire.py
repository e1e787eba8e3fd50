"""The protocol of the signer's socket that both ends share: one JSON object per line each way."""

from __future__ import annotations

VERSION = 2  # of requests and answers; the signer and the client refuse any other
MAX_LINE = 64 * 1024  # bytes per request or answer
