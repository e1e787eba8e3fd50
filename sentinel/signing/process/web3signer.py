"""A key that Web3Signer holds (vault, HSM, cloud KMS). Its HTTP API hashes and signs whole messages.

`GET /api/v1/eth1/publicKeys` lists uncompressed public keys; `POST /api/v1/eth1/sign/{public key}` with
`{"data": "0x…"}` returns the signature of keccak-256(data) as plain text: r, s, v in hex, with v 27 or 28.
"""

from __future__ import annotations

from typing import Self

import aiohttp
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak
from pydantic_core import from_json

from sentinel.core.errors import SettingsError, SignerUnavailable
from sentinel.core.http_reply import read_at_most
from sentinel.core.network import Address

MAX_REPLY = 1 << 20  # bytes


class Web3SignerKey:
    """A Key that `Web3SignerKey.find` makes. LocalSigner verifies every signature by recovering its address."""

    def __init__(self, url: str, identifier: str, address: Address, timeout: float) -> None:
        self.address = address
        self._url = url
        self._identifier = identifier
        self._timeout = timeout

    @classmethod
    async def find(cls, url: str, address: Address, *, timeout: float = 5.0) -> Self:
        """The key of `address`. Raises SettingsError if the server does not hold it, and SignerUnavailable."""
        base = url.rstrip("/")
        text = await _ask("GET", f"{base}/api/v1/eth1/publicKeys", None, timeout)
        try:
            identifiers = {_address(identifier): identifier for identifier in _parsed(text)}
        except (ValueError, TypeError) as error:
            raise SignerUnavailable("Web3Signer did not answer with a list of public keys") from error
        if address not in identifiers:
            raise SettingsError(f"Web3Signer holds no key of {address}: SENTINEL_WALLET__ADDRESS names the key to use")
        return cls(base, identifiers[address], address, timeout)

    async def sign(self, preimage: bytes) -> bytes:
        endpoint = f"{self._url}/api/v1/eth1/sign/{self._identifier}"
        text = await _ask("POST", endpoint, {"data": "0x" + preimage.hex()}, self._timeout)
        try:
            return bytes.fromhex(text.strip().strip('"').removeprefix("0x"))
        except ValueError as error:
            raise SignerUnavailable("Web3Signer did not answer with a signature") from error


def _parsed(text: str) -> list[str]:
    reply = from_json(text)
    if not isinstance(reply, list):
        raise ValueError("not a list")
    return reply


def _address(identifier: str) -> Address:
    public = bytes.fromhex(identifier.removeprefix("0x"))
    if len(public) != 64:
        raise ValueError("not an uncompressed secp256k1 key")
    return to_checksum_address(keccak(public)[12:])


async def _ask(method: str, url: str, body: object, timeout: float) -> str:
    """Send one request and return the text. It is never repeated; the caller may ask for the signature again."""
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=timeout)) as session,
            session.request(method, url, json=body, allow_redirects=False) as response,
        ):
            status = response.status
            text = (await read_at_most(response, MAX_REPLY)).decode()
    except (aiohttp.ClientError, TimeoutError, OSError, UnicodeDecodeError) as error:
        raise SignerUnavailable(f"Web3Signer: {type(error).__name__}") from error
    if status != 200:
        raise SignerUnavailable(f"Web3Signer: HTTP {status}")
    return text
