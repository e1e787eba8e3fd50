"""A key that Web3Signer holds.

NOTE: the real one cannot run here. A server with the answers of its published HTTP API stands in, which really signs,
with eth-account; nothing here shows how a real one behaves under load or TLS.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from eth_account import Account
from eth_keys.datatypes import PrivateKey
from eth_utils.crypto import keccak

from sentinel.core.errors import SettingsError, SignerUnavailable
from sentinel.signing.process.web3signer import MAX_REPLY, Web3SignerKey
from tests.signing.process.world import ANSWERS, FEES, KEY, WALLET, permit, running, trade

OTHER = "07" * 32


class Stand:
    """`GET /api/v1/eth1/publicKeys` and `POST /api/v1/eth1/sign/{identifier}`; `mood` bends its answers."""

    def __init__(self) -> None:
        self.keys = {"0x" + PrivateKey(bytes.fromhex(key)).public_key.to_hex()[2:]: key for key in (OTHER, KEY)}
        self.mood = ""
        self.asked: list[dict[str, str]] = []

    async def listed(self, request: web.Request) -> web.Response:
        return web.json_response({"no": "list"} if self.mood == "listing" else list(self.keys))

    async def sign(self, request: web.Request) -> web.Response:
        key = self.keys.get(request.match_info["identifier"])
        if key is None:
            return web.Response(status=404)
        body = await request.json()
        self.asked.append(body)
        data = bytes.fromhex(body["data"][2:])
        match self.mood:
            case "another key":
                key = OTHER
            case "another message":
                data += b"\0"
            case "status":
                return web.Response(status=500)
            case "text":
                return web.Response(text="<html>busy</html>")
            case "redirect":
                return web.Response(status=302, headers={"Location": "/elsewhere"})
        signed = Account.unsafe_sign_hash(keccak(data), key)
        padding = " " * MAX_REPLY if self.mood == "huge" else ""
        return web.Response(text="0x" + signed.signature.hex().removeprefix("0x") + padding, content_type="text/plain")


@contextlib.asynccontextmanager
async def standing() -> AsyncIterator[tuple[Stand, str]]:
    stand = Stand()
    app = web.Application()
    app.router.add_get("/api/v1/eth1/publicKeys", stand.listed)
    app.router.add_post("/api/v1/eth1/sign/{identifier}", stand.sign)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield stand, f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def test_the_whole_signer_over_it(tmp_path: Path) -> None:
    """The signer's process with this backend: limits and counters first, then whole messages, never a hash; an answer
    that is not the wallet's own signature of what was asked is never passed on."""
    async with standing() as (stand, url):
        wallet = {"web3signer_url": url, "address": WALLET}
        async with running(tmp_path, wallet=wallet) as keeper:
            client, first = keeper.client, trade(10)
            assert client.address == WALLET
            signed = await client.sign_transaction(31337, 0, first, FEES, ANSWERS)
            assert Account.recover_transaction(signed.raw) == WALLET
            assert len(await client.sign_permit(permit(5))) == 65
            assert [len(body["data"]) > 2 + 64 for body in stand.asked] == [True, True]
            for stand.mood in ("another key", "another message", "status", "text", "redirect", "huge"):
                with pytest.raises(SignerUnavailable):
                    await client.sign_transaction(31337, 0, first, FEES, ANSWERS)
            stand.mood = ""
            assert await client.sign_transaction(31337, 0, first, FEES, ANSWERS) == signed
            asked = len(stand.asked)
            with pytest.raises(Exception, match="refuses"):
                await client.sign_transaction(1, 1, first, FEES)
            assert len(stand.asked) == asked
    text = (tmp_path / "state" / "signer.log").read_text()
    assert json.loads(text.splitlines()[0])["event"] == "signer.started"


async def test_the_key_is_found_by_its_address() -> None:
    """An address that it does not hold, a server that is none, and no server at all are told apart."""
    async with standing() as (stand, url):
        assert (await Web3SignerKey.find(url + "/", WALLET)).address == WALLET
        with pytest.raises(SettingsError, match="holds no key"):
            await Web3SignerKey.find(url, "0x" + "11" * 20)
        stand.mood = "listing"
        with pytest.raises(SignerUnavailable, match="public keys"):
            await Web3SignerKey.find(url, WALLET)
    with pytest.raises(SignerUnavailable):
        await Web3SignerKey.find(url, WALLET, timeout=1.0)
