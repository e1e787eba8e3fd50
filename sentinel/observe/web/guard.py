"""What every answer carries, and who may ask: headers that forbid foreign scripts, and a check of the request's host.

A page of another site can make a browser ask this server under that site's own name (DNS rebinding). So a request must
name this server by an IP address, as localhost, or as SENTINEL_WEB__HOST. Scrapers may use any name: their paths hold
no decisions.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Middleware

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
CONTENT = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
HEADERS = {
    "Content-Security-Policy": CONTENT,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
FOR_SCRAPERS = frozenset({"/metrics", "/healthz", "/readyz"})


async def harden(_: web.Request, response: web.StreamResponse) -> None:
    """Add the headers to an answer that is about to be sent."""
    response.headers.update(HEADERS)
    response.headers.setdefault("Cache-Control", "no-store")


def checked_host(own: str) -> Middleware:
    """A middleware that refuses requests under another name. `own` is the address that the server listens on."""

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path not in FOR_SCRAPERS and not is_own_name(request.host, own):
            raise web.HTTPForbidden(text="name this server by its address or as localhost, not by another name\n")
        return await handler(request)

    return check


def is_own_name(host: str, own: str) -> bool:
    """Whether the Host header names this server in a way that no foreign DNS entry can."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    if name in ("localhost", own):
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def is_same_origin(request: web.Request) -> bool:
    """Whether a page of this server sent the request, by what browsers add to it and scripts cannot change."""
    site = request.headers.get("Sec-Fetch-Site", "same-origin")
    origin = request.headers.get("Origin", "")
    return site == "same-origin" and origin in (f"http://{request.host}", f"https://{request.host}")
