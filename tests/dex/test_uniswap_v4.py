"""V4 on the local market: the state that is read, and quotes equal to the V4Quoter contract."""

from __future__ import annotations

import random

from eth_abi.abi import decode, encode
from eth_utils.crypto import keccak

from sentinel.chain.rpc import Call
from sentinel.core.errors import QuoteError, RpcError
from sentinel.core.market_state import V4State
from sentinel.dex.venues.uniswap_v4 import UniswapV4
from sentinel.market.contracts import ADDRESSES, POOLS
from sentinel.market.local_market import calldata

from .conftest import Desk

NAME = "WETH/USDC-v4-500"
KEY = next(pool.key for pool in POOLS if pool.name == NAME)
_QUOTE = "((address,address,uint24,int24,address),bool,uint128,bytes)"


async def test_quotes_equal_the_quoter_contract_to_the_last_unit(desk: Desk) -> None:
    """400 random amounts of every size, both directions, exact input and output, across ticks, at one block."""
    for _ in range(3):
        await desk.net.market.step()
    state = await desk.state()
    pool, v4, rng = desk.network.pools[NAME], state.pools[NAME], random.Random(3)
    asked = []
    for _ in range(400):
        exact_in, token_in = rng.random() < 0.7, rng.choice((pool.token0, pool.token1))
        given = token_in if exact_in else ({pool.token0, pool.token1} - {token_in}).pop()
        amount = int(10 ** rng.uniform(0, desk.network.tokens[given].decimals + 8))
        asked.append((exact_in, token_in, amount))
    calls: list[Call] = []
    for exact_in, token_in, amount in asked:
        name = "quoteExactInputSingle" if exact_in else "quoteExactOutputSingle"
        data = calldata(f"{name}({_QUOTE})", (KEY, token_in == pool.token0, amount, b""))
        calls.append(("eth_call", ({"to": ADDRESSES["V4Quoter"], "data": "0x" + data.hex()}, "latest")))
    equal = refused = 0
    for (exact_in, token_in, amount), answer in zip(asked, await desk.net.rpc.batch(calls), strict=True):
        quote = UniswapV4().quote_in if exact_in else UniswapV4().quote_out
        try:
            ours = quote(pool, v4, token_in, amount)
        except QuoteError:
            refused += 1  # beyond the window that was read, or beyond the pool
            continue
        assert not isinstance(answer, RpcError), (exact_in, token_in, amount, answer)
        assert ours == decode(["uint256", "uint256"], bytes.fromhex(answer[2:]))[0], (exact_in, token_in, amount)
        equal += 1
    assert equal > 300
    assert 10 < refused < 100


async def test_the_state_is_what_the_state_view_contract_tells(desk: Desk) -> None:
    """Price, tick, fees and liquidity; and a protocol fee set on the chain is in the next reading and in the quote."""
    pool, view = desk.network.pools[NAME], ADDRESSES["StateView"]
    for protocol in (0, 400 << 12 | 1000):
        if protocol:
            slot = "0x" + _first_slot(pool.pool_id or "").hex()
            word = int(await desk.net.rpc.call("eth_getStorageAt", pool.address, slot, "latest"), 16)
            await desk.net.rpc.call("anvil_setStorageAt", pool.address, slot, f"0x{word | protocol << 184:064x}")
            await desk.net.rpc.call("evm_mine")
        v4 = (await desk.state()).pools[NAME]
        assert isinstance(v4, V4State)
        answers = []
        for name in ("getSlot0", "getLiquidity"):
            data = calldata(f"{name}(bytes32)", bytes.fromhex((pool.pool_id or "")[2:]))
            answer = await desk.net.rpc.call("eth_call", {"to": view, "data": "0x" + data.hex()}, "latest")
            answers.append(bytes.fromhex(answer[2:]))
        slot0 = decode(["uint160", "int24", "uint24", "uint24"], answers[0])
        assert slot0 == (v4.sqrt_price_x96, v4.tick, protocol, 500)
        assert decode(["uint128"], answers[1]) == (v4.liquidity,)
        assert (v4.fee_up, v4.fee_down) == ((900, 1500) if protocol else (500, 500))
        assert len(v4.ticks) >= 4
        data = calldata(f"quoteExactInputSingle({_QUOTE})", (KEY, True, 10**9, b""))
        answer = await desk.net.rpc.call("eth_call", {"to": ADDRESSES["V4Quoter"], "data": "0x" + data.hex()}, "latest")
        assert UniswapV4().quote_in(pool, v4, pool.token0, 10**9) == int(answer[2:66], 16)


def _first_slot(pool_id: str) -> bytes:
    return keccak(encode(["bytes32", "uint256"], [bytes.fromhex(pool_id[2:]), 6]))
