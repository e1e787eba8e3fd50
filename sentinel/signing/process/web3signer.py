"""A key that Web3Signer holds (vault, HSM, cloud KMS): its HTTP API signs whole messages, hashing them itself.

`GET /api/v1/eth1/publicKeys` lists uncompressed public keys; `POST /api/v1/eth1/sign/{public key}` with
`{"data": "0x…"}` answers the signature of keccak-256(data) as plain text: r, s, v in hex, v 27 or 28.
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

MAX_REPLY = 1 << 20  # bytes of an answer


class Web3SignerKey:
    """Use `Web3SignerKey.find`. Every answer is checked by `LocalSigner`, which recovers the address from it."""

    def __init__(self, url: str, identifier: str, address: Address, timeout: float) -> None:
        self.address = address
        self._url = url
        self._identifier = identifier
        self._timeout = timeout

    @classmethod
    async def find(cls, url: str, address: Address, *, timeout: float = 5.0) -> Self:
        """The key of `address` among those that it holds. Raises SettingsError, SignerUnavailable."""
        base = url.rstrip("/")
        text = await _ask("GET", f"{base}/api/v1/eth1/publicKeys", None, timeout)
        try:
            listed = _parsed(text)
            found = {_address(identifier): identifier for identifier in listed}
        except (ValueError, TypeError) as error:
            raise SignerUnavailable("Web3Signer did not answer with a list of public keys") from error
        if address not in found:
            raise SettingsError(f"Web3Signer holds no key of {address}: SENTINEL_WALLET__ADDRESS names the key to use")
        return cls(base, found[address], address, timeout)

    async def sign(self, preimage: bytes) -> bytes:
        where = f"{self._url}/api/v1/eth1/sign/{self._identifier}"
        text = await _ask("POST", where, {"data": "0x" + preimage.hex()}, self._timeout)
        try:
            return bytes.fromhex(text.strip().strip('"').removeprefix("0x"))
        except ValueError as error:
            raise SignerUnavailable("Web3Signer did not answer with a signature") from error


def _parsed(text: str) -> list[str]:

    found = from_json(text)
    if not isinstance(found, list):
        raise ValueError("no list")
    return found


def _address(identifier: str) -> Address:
    public = bytes.fromhex(identifier.removeprefix("0x"))
    if len(public) != 64:
        raise ValueError("not an uncompressed secp256k1 key")
    return to_checksum_address(keccak(public)[12:])


async def _ask(method: str, url: str, body: object, timeout: float) -> str:
    """Once: a signature that was lost on the way is asked for again by whoever wanted it."""
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
        raise SignerUnavailable(f"Web3Signer answered {status}")
    return text
