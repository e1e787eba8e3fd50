"""Contract calls through web3.py, for code off the hot path; our own client sends the requests.

web3 never sees an endpoint's address, so neither its errors nor its logs can show a key that is part of one. It also
has no transport that could repeat a request. Only the methods listed here pass, and no signed bytes do (I6). Importing
this module takes most of a second, so the modules that need it are imported late (docs/adr/0014).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from eth_typing import ABI, ABIFunction
from eth_utils.address import to_checksum_address
from web3 import AsyncWeb3
from web3.contract import AsyncContract
from web3.contract.async_contract import AsyncContractFunction
from web3.exceptions import BadFunctionCallOutput, Web3Exception
from web3.providers.async_base import AsyncBaseProvider
from web3.types import RPCEndpoint, RPCResponse

from sentinel.chain import replies
from sentinel.chain.rpc import Call, JsonRpc
from sentinel.core.errors import RpcError
from sentinel.core.network import Address

READS = frozenset({"eth_call", "eth_getCode"})  # web3 checks for code if a contract returns nothing
DEPLOYMENT = READS | {"eth_sendTransaction", "eth_getTransactionReceipt"}  # unsigned; only for the local market


class Carrier(AsyncBaseProvider):
    """web3's provider on top of one of our clients. Concurrent requests are sent as one JSON-RPC batch."""

    global_ccip_read_enabled = False  # otherwise a contract could make this process fetch any URL (EIP-3668)

    def __init__(self, rpc: JsonRpc, methods: frozenset[str]) -> None:
        super().__init__()
        self._rpc = rpc
        self._methods = methods
        self._waiting: list[Call] = []  # the calls of the next batch
        self._batch: asyncio.Task[list[Any | RpcError]] | None = None

    async def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        """The reply to one request. Raises RpcError, which web3 passes on unchanged; RuntimeError for other methods."""
        if method not in self._methods:
            raise RuntimeError(f"{method} is not one of the methods that may go through web3")
        index = len(self._waiting)
        self._waiting.append((method, params))
        if self._batch is None:
            self._batch = asyncio.create_task(self._send())  # starts after all concurrent requests were added
        answer = (await self._batch)[index]
        if isinstance(answer, RpcError):
            raise answer
        return {"jsonrpc": "2.0", "id": 0, "result": answer}

    async def _send(self) -> list[Any | RpcError]:
        calls, self._waiting, self._batch = self._waiting, [], None
        return await self._rpc.batch(calls)


Web3 = AsyncWeb3[Carrier]


def web3(rpc: JsonRpc, methods: frozenset[str] = READS) -> Web3:
    """A web3 client over `rpc` without middleware, which would query gas prices, chain ids and names on its own."""
    return AsyncWeb3(Carrier(rpc, methods), middleware=[])


def contract(w3: Web3, address: Address, abi: ABI) -> AsyncContract:
    return w3.eth.contract(address=to_checksum_address(address), abi=abi)


async def answers(calls: Sequence[AsyncContractFunction]) -> list[Any]:
    """The result of each call at the newest block; None if it reverts or its result does not match its ABI.

    Raises RpcError if no endpoint answers, or if one is refused.
    """
    return await asyncio.gather(*(_answer(call) for call in calls))


async def _answer(call: AsyncContractFunction) -> Any:
    try:
        return await call.call(block_identifier="latest")
    except RpcError as error:
        if replies.is_answer(error):
            return None
        raise
    except BadFunctionCallOutput:
        return None
    except (Web3Exception, ValueError, TypeError) as error:  # the last two: a result that is not hex
        raise RpcError(f"the endpoint's answer to {call.fn_name}() is malformed: {type(error).__name__}") from error


def _view(name: str, takes: Sequence[str] = (), *, gives: Sequence[str]) -> ABIFunction:
    return {
        "type": "function",
        "name": name,
        "stateMutability": "view",
        "inputs": [{"name": "", "type": kind} for kind in takes],
        "outputs": [{"name": "", "type": kind} for kind in gives],
    }


ERC20: ABI = [
    _view("decimals", gives=["uint8"]),
    _view("balanceOf", ["address"], gives=["uint256"]),
    _view("allowance", ["address", "address"], gives=["uint256"]),
]
PERMIT2: ABI = [_view("DOMAIN_SEPARATOR", gives=["bytes32"])]
POOL: ABI = [  # a V3 pool; a V2 pair has only the first two
    _view("token0", gives=["address"]),
    _view("token1", gives=["address"]),
    _view("fee", gives=["uint24"]),
    _view("tickSpacing", gives=["int24"]),
]
FEED: ABI = [
    _view("decimals", gives=["uint8"]),
    _view("latestRoundData", gives=["uint80", "int256", "uint256", "uint256", "uint80"]),
]
