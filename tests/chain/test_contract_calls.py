"""Contracts through web3: what comes back, what cannot get out, and that nothing is repeated or told."""

from __future__ import annotations

import contextlib
import logging
import traceback
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiohttp import web
from eth_abi.abi import encode
from eth_utils.crypto import keccak
from web3.exceptions import Web3Exception

from sentinel.chain.contract_calls import DEPLOYMENT, ERC20, FEED, READS, answers, contract, web3
from sentinel.chain.rpc import Rpc
from sentinel.core.errors import RpcError
from sentinel.market import Devnet

NOBODY = "0x1111111111111111111111111111111111111111"
SECRET = "canary-path-5d1e7a90"


class Node:
    """An endpoint that answers each request of a batch by `answer`, or breaks the connection where that gives None."""

    def __init__(self, answer: Callable[[dict[str, Any]], dict[str, Any] | None]) -> None:
        self.answer = answer
        self.asked = 0
        self.url = ""

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[Rpc]:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._handle)
        runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            self.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v2/{SECRET}"
            async with Rpc(self.url) as rpc:
                yield rpc
        finally:
            await runner.cleanup()

    async def _handle(self, request: web.Request) -> web.Response:
        self.asked += 1
        batch = await request.json()
        replies = []
        for item in batch:
            if (answer := self.answer(item)) is None:
                assert request.transport is not None
                request.transport.abort()
                break
            replies.append({"jsonrpc": "2.0", "id": item["id"], **answer})
        return web.json_response(replies)


async def test_one_request_for_all_that_is_asked_together(devnet: Devnet) -> None:
    """Each call is answered in its place; one that reverts, or speaks of something else, is None."""
    w3, network = web3(devnet.rpc), devnet.network
    weth, pool = network.tokens["WETH"], network.pools["WETH/USDC-v3-500"]
    token = contract(w3, weth.address.lower(), ERC20).functions
    before = devnet.rpc.requests
    found = await answers(
        [
            token.decimals(),
            token.balanceOf(pool.address),
            contract(w3, pool.address, ERC20).functions.decimals(),  # it reverts: a pool has none
            contract(w3, weth.address, FEED).functions.latestRoundData(),  # WETH answers any call, by nothing
            contract(w3, network.feeds["WETH"].address, FEED).functions.latestRoundData(),
        ]
    )
    requests = devnet.rpc.requests - before
    raw = {"to": weth.address, "data": "0x70a08231" + pool.address[2:].rjust(64, "0")}
    assert found[:2] == [18, int(await devnet.rpc.call("eth_call", raw, "latest"), 16)]
    assert found[1] > 0
    assert found[2:4] == [None, None]
    assert found[4][1] > 0
    assert requests == 2  # the calls, and web3's look whether there is code where nothing was answered


@pytest.mark.parametrize("methods", [READS, DEPLOYMENT])
async def test_nothing_signed_goes_through_web3(methods: frozenset[str]) -> None:
    """A transaction that web3 was given does not reach the endpoint, whatever web3 was made for (I6)."""
    node = Node(lambda _: {"result": "0x" + "00" * 32})
    async with node.serving() as rpc:
        with pytest.raises(RuntimeError, match="eth_sendRawTransaction"):
            await web3(rpc, methods).eth.send_raw_transaction(b"\x02\xc0")
        with pytest.raises(RuntimeError, match="eth_sendTransaction"):
            await web3(rpc).eth.send_transaction({"to": NOBODY})
    assert node.asked == 0


async def test_a_broken_connection_is_not_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    """One request, one error of ours; the endpoint's key is not in its traceback, in logs, or in web3's own words."""
    caplog.set_level(logging.DEBUG)
    node = Node(lambda _: None)
    async with node.serving() as rpc:
        w3 = web3(rpc, DEPLOYMENT)
        with pytest.raises(RpcError) as broken:
            await answers([contract(w3, NOBODY, ERC20).functions.decimals()])
        assert node.asked == 1
        with pytest.raises(RpcError):
            await contract(w3, NOBODY, ERC20).functions.decimals().transact({"from": NOBODY, "gas": 21_000})
        assert node.asked == 2
    told = "".join(traceback.format_exception(broken.value)) + repr(w3.provider) + str(w3.provider) + caplog.text
    assert "eth_call" in caplog.text  # web3 does log
    assert SECRET not in told


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"error": {"code": -32005, "message": "too many requests"}}, "too many requests"),
        ({"result": "0xzz"}, r"answer to decimals\(\) is malformed"),
        ({"result": ["0x"]}, r"answer to decimals\(\) is malformed"),
        ({"result": None}, r"answer to decimals\(\) is malformed"),
    ],
)
async def test_no_answer_is_not_taken_for_a_contracts_answer(said: dict[str, Any], why: str) -> None:
    """A limit of the provider's and what is no hex are our RpcError, never web3's, and never None."""
    async with Node(lambda _: said).serving() as rpc:
        with pytest.raises(RpcError, match=why) as refused:
            await answers([contract(web3(rpc), NOBODY, ERC20).functions.decimals()])
        assert not isinstance(refused.value, Web3Exception)


async def test_no_contract_sends_us_elsewhere(devnet: Devnet) -> None:
    """A revert that asks for a look-up at an address of the contract's choice (EIP-3668) is a revert like any other."""
    elsewhere = Node(lambda _: None)
    async with elsewhere.serving():
        lookup = keccak(text="OffchainLookup(address,string[],bytes,bytes4,bytes)")[:4] + encode(
            ["address", "string[]", "bytes", "bytes4", "bytes"], [NOBODY, [elsewhere.url], b"", b"\0" * 4, b""]
        )
        size = len(lookup).to_bytes(2).hex()  # copy all that follows the 15 bytes of code, revert with it
        code = f"0x61{size}600f60003961{size}6000fd" + "00" + lookup.hex()
        await devnet.rpc.call("anvil_setCode", NOBODY, code)
        assert await answers([contract(web3(devnet.rpc), NOBODY, ERC20).functions.decimals()]) == [None]
    assert elsewhere.asked == 0
