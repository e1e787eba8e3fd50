"""The upstream node for the Anvil of a recorded block: it knows only the parent block and records all reads.

Anvil has the recorded state as its genesis and asks its upstream for everything else. So each read of a slot that is
not in the record arrives here. It is recorded and answered with an empty value.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiohttp import web
from pydantic_core import from_json

from lab.mainnet_blocks.real_block import RealBlock

EMPTY_WORD = "0x" + "00" * 32
Slot = tuple[str, str]  # address and slot, lower-case 0x-hex


class EmptyUpstream:
    """An async context manager that listens at `url`."""

    def __init__(self, block: RealBlock) -> None:
        self._block = block
        self.slots: set[Slot] = set()
        self.accounts: set[str] = set()
        self.hashes: set[int] = set()  # numbers of blocks whose unknown hash was read
        self.url = ""

    async def __aenter__(self) -> EmptyUpstream:
        app = web.Application(client_max_size=1 << 26)
        app.router.add_post("/", self._handle)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _handle(self, request: web.Request) -> web.Response:
        body = from_json(await request.read())
        return web.json_response([self._answer(one) for one in body] if isinstance(body, list) else self._answer(body))

    def _answer(self, call: Mapping[str, Any]) -> dict[str, Any]:
        reply: dict[str, Any] = {"jsonrpc": "2.0", "id": call.get("id")}
        try:
            reply["result"] = self._result(call["method"], call.get("params") or [])
        except NotImplementedError:
            reply["error"] = {"code": -32601, "message": "the method does not exist"}
        return reply

    def _result(self, method: str, params: list[Any]) -> Any:
        match method:
            case "eth_chainId":
                return "0x1"
            case "net_version":
                return "1"
            case "eth_gasPrice":
                return "0x0"
            case "eth_blockNumber":
                return hex(self._block.number - 1)
            case "eth_getBlockByNumber":
                return self._header(params[0])
            case "eth_getStorageAt":
                self.slots.add((params[0].lower(), f"0x{int(params[1], 16):064x}"))
                return EMPTY_WORD
            case "eth_getBalance" | "eth_getTransactionCount":
                self.accounts.add(params[0].lower())
                return "0x0"
            case "eth_getCode":
                self.accounts.add(params[0].lower())
                return "0x"
        raise NotImplementedError(method)

    def _header(self, which: str) -> dict[str, Any] | None:
        """The header of the parent, derived from the block, or of an older block with a known hash; else None."""
        block, parent = self._block, self._block.number - 1
        number = int(which, 16) if which.startswith("0x") else parent
        known = block.header["parentHash"] if number == parent else block.shelf.hashes.get(str(number))
        if known is None:
            self.hashes.add(number)
            return None
        header = {name: value for name, value in block.header.items() if not name.startswith("withdrawals")}
        before = block.shelf.hashes.get(str(number - 1), EMPTY_WORD)
        header |= {"number": hex(number), "hash": known, "parentHash": before, "transactions": [], "gasUsed": "0x0"}
        return header | {"timestamp": hex(block.timestamp - (block.number - number))}
