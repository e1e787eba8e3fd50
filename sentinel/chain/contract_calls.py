"""Contracts through web3.py, for paths that are not hot: it encodes calls and decodes answers, our client carries them.

web3 never learns an endpoint's address, so neither its errors nor its logs can tell a key that stands in one; and it
has no transport that repeats a request. Only the methods named here pass: no signed bytes ever do (I6). Importing this
takes most of a second, so the modules that need it are themselves imported late (docs/adr/0014).
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

from sentinel.chain.rpc import Call, JsonRpc, unanswered
from sentinel.core.errors import RpcError
from sentinel.core.network import Address

READS = frozenset({"eth_call", "eth_getCode"})  # web3 looks for code where a contract answers nothing
DEPLOYMENT = READS | {"eth_sendTransaction", "eth_getTransactionReceipt"}  # unsigned: of the local market alone


class Carrier(AsyncBaseProvider):
    """web3's provider over one of our clients. What is asked side by side goes as one JSON-RPC batch."""

    global_ccip_read_enabled = False  # else a contract could send this process to addresses of its choice (EIP-3668)

    def __init__(self, rpc: JsonRpc, methods: frozenset[str]) -> None:
        super().__init__()
        self._rpc = rpc
        self._methods = methods
        self._asked: list[Call] = []
        self._batch: asyncio.Task[list[Any | RpcError]] | None = None

    async def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        """Raises RpcError, which passes through web3 as it is."""
        if method not in self._methods:
            raise RuntimeError(f"{method} does not go through web3 here")
        place = len(self._asked)
        self._asked.append((method, params))
        if self._batch is None:
            self._batch = asyncio.create_task(self._send())  # begins once all that run beside this one have asked
        answer = (await self._batch)[place]
        if isinstance(answer, RpcError):
            raise answer
        return {"jsonrpc": "2.0", "id": 0, "result": answer}

    async def _send(self) -> list[Any | RpcError]:
        asked, self._asked, self._batch = self._asked, [], None
        return await self._rpc.batch(asked)


Web3 = AsyncWeb3[Carrier]


def web3(rpc: JsonRpc, methods: frozenset[str] = READS) -> Web3:
    """Without web3's middleware: it would ask the node for gas prices, chain ids and names that nobody asked for."""
    return AsyncWeb3(Carrier(rpc, methods), middleware=[])


def contract(w3: Web3, address: Address, abi: ABI) -> AsyncContract:
    return w3.eth.contract(address=to_checksum_address(address), abi=abi)


async def answers(calls: Sequence[AsyncContractFunction]) -> list[Any]:
    """What each call gives at the newest block; None where it reverts, or gives something else than its ABI says.

    Raises RpcError where the endpoint does not answer.
    """
    return await asyncio.gather(*(_answer(call) for call in calls))


async def _answer(call: AsyncContractFunction) -> Any:
    try:
        return await call.call(block_identifier="latest")
    except RpcError as error:
        if unanswered(error):
            raise
        return None
    except BadFunctionCallOutput:
        return None
    except (Web3Exception, ValueError, TypeError) as error:  # the last two: a result that is no hex
        raise RpcError(f"the endpoint answers nonsense for {call.fn_name}(): {type(error).__name__}") from error


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
POOL: ABI = [  # of V3; a V2 pair has the first two
    _view("token0", gives=["address"]),
    _view("token1", gives=["address"]),
    _view("fee", gives=["uint24"]),
    _view("tickSpacing", gives=["int24"]),
]
FEED: ABI = [
    _view("decimals", gives=["uint8"]),
    _view("latestRoundData", gives=["uint80", "int256", "uint256", "uint256", "uint80"]),
]
