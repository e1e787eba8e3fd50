"""Reading an HTTP reply with a bound on its size."""

from __future__ import annotations

import aiohttp


class ReplyTooLarge(aiohttp.ClientPayloadError):
    """A reply exceeds its bound. A failure of the endpoint like any other aiohttp.ClientError."""


async def read_at_most(response: aiohttp.ClientResponse, max_bytes: int) -> bytearray:
    """Returns the whole body. Raises ReplyTooLarge if it exceeds `max_bytes`.

    The bytes are counted as they arrive: a chunked reply declares no length, and a compressed one grows.
    """
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > max_bytes:
            raise ReplyTooLarge(f"the reply is too large: more than {max_bytes} bytes")
    return body
