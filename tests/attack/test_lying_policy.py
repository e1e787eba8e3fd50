"""A daemon that is in somebody else's hands: what its signer, a real process on its own socket, signs for it.

Both ways for the signer to know a price are attacked: its own read of the feeds, and prices that the daemon gives.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from eth_abi.abi import encode

from sentinel.core.errors import SignerRefused
from sentinel.core.simulation import TxRequest
from sentinel.daemon.signer.supervisor import SignerSupervisor
from sentinel.market import Devnet
from sentinel.market.contracts import PERMIT2
from tests.attack_tally import Tries
from tests.signing.calls import SENDER, V2, V3, hop, received, router_call
from tests.signing.process.world import (
    ANSWERS,
    CHAIN,
    DOLLAR,
    FEES,
    GAS,
    NETWORK,
    USDC,
    WALLET,
    WETH,
    caps_of,
    running,
    settings,
)

pytestmark = pytest.mark.attack("a daemon in other hands", "refused")

TOKEN, WBTC = WETH.lower(), NETWORK.tokens["WBTC"].address
LIMITS = {"max_trade": 10_000.0, "max_daily_volume": 50_000.0}
NOBODY = "0x" + "00" * 20
Command = tuple[int, bytes]


def spent(dollars: int, *, fee: int = 3000, least: int = 1, kind: int = V3) -> Command:
    """So many USDC for WETH, in the pool of this fee."""
    code, data = kind, hop(kind, SENDER, dollars * DOLLAR, least, (USDC, WETH), True)
    return code, data.replace((3000).to_bytes(3, "big"), fee.to_bytes(3, "big")) if kind == V3 else data


def over_v4(dollars: int, fee: int, spacing: int, hooks: str = NOBODY) -> Command:
    low, high = sorted((USDC, WETH), key=lambda address: int(address, 16))
    parts = [
        encode(["address", "uint256", "bool"], [USDC, dollars * DOLLAR, True]),
        encode(
            ["((address,address,uint24,int24,address),bool,uint128,uint128,bytes)"],
            [((low, high, fee, spacing, hooks), low == USDC, 0, 1, b"")],
        ),
        encode(["address", "address", "uint256"], [WETH, SENDER, 0]),
    ]
    return 0x10, encode(["bytes", "bytes[]"], [bytes((0x0B, 0x06, 0x0E)), parts])


def asked(*commands: Command, least: int = 1) -> TxRequest:
    data = router_call(*commands, received(WETH, least, WALLET), deadline=int(time.time()) + 100)
    return TxRequest(NETWORK.universal_router, data, 0, GAS)


async def rule(
    keeper: SignerSupervisor, tx: TxRequest, prices: Mapping[str, int], tries: Tries, nonce: int = 0
) -> str | None:
    """By which the signer refuses, None if it signs."""
    try:
        await keeper.client.sign_transaction(CHAIN, nonce, tx, FEES, prices)
    except SignerRefused as error:
        tries.refused()
        return error.rule
    return None


async def test_it_sells_nothing_in_other_pools_or_for_nothing(tmp_path: Path, devnet: Devnet, tries: Tries) -> None:
    """10,000 USDC in a pool that the network file does not list, of any venue, or in a listed one for an output of 1:
    refused by either way to know a price. A fair trade is signed; given prices far off are refused."""
    await devnet.market.step()
    feed = NETWORK.feeds["WETH"].address
    answer = int((await devnet.rpc.call("eth_call", {"to": feed, "data": "0xfeaf968c"}, "latest"))[66:130], 16)
    fair = 10_000 * 10**18 * 10**8 // answer
    elsewhere = {
        "a V3 fee tier": spent(10_000, fee=10_000),
        "a V4 fee": over_v4(10_000, 3000, 10),
        "a V4 tick spacing": over_v4(10_000, 500, 60),
        "a V4 hook": over_v4(10_000, 500, 10, PERMIT2),
        "a V2 pair of other tokens": (V2, hop(V2, SENDER, 10_000 * DOLLAR, 1, (USDC, WBTC), True)),
    }
    ways: dict[str, dict[str, Any]] = {"own": {"signer": {"rpc_url": devnet.rpc_url}}, "given": {}}
    for way, more in ways.items():
        folder = tmp_path / way
        folder.mkdir()
        given = settings(folder, limits=LIMITS, **more)
        async with running(folder, caps=False, limits=LIMITS, **more) as keeper:
            await keeper.allow(replace(caps_of(given), prices={TOKEN: answer}))
            honest = {TOKEN: answer}
            for name, command in elsewhere.items():
                wanted = "calldata" if "hook" in name else "pool"
                assert await rule(keeper, asked(command), honest, tries) == wanted, (way, name)
            for command in (spent(10_000), spent(10_000, kind=V2), over_v4(10_000, 500, 10)):
                assert await rule(keeper, asked(command), honest, tries) == "price"
            lie = {TOKEN: answer * 10**9}
            low = {TOKEN: answer // 2}
            for prices in (lie, low, {}):
                assert await rule(keeper, asked(spent(10_000)), prices, tries) == "price"
            assert await rule(keeper, asked(spent(10_000, least=fair), least=fair), honest, tries) is None


async def test_it_lets_no_balance_pass_for_a_receipt(tmp_path: Path, devnet: Devnet, tries: Tries) -> None:
    """The wallet holds what the trade must bring. A check that this alone satisfies binds nothing: a signer that reads
    the balance itself refuses it."""
    await devnet.market.step()
    await devnet.fund(WALLET, {"WETH": 10**19})
    trade = spent(1000, least=10**18)
    async with running(tmp_path, limits=LIMITS, signer={"rpc_url": devnet.rpc_url}) as keeper:
        assert await rule(keeper, asked(trade, least=10**18), ANSWERS, tries) == "balance"
        assert await rule(keeper, asked(trade, least=11 * 10**18), ANSWERS, tries) is None
        again = spent(1001, least=10**18)  # what the first one brings would pass for the receipt of this one
        assert await rule(keeper, asked(again, least=11 * 10**18), ANSWERS, tries, nonce=1) == "balance"


async def test_it_loses_no_more_than_the_days_cap(tmp_path: Path, tries: Tries) -> None:
    """Trades that each may lose what the price rule permits, over restarts of the signer and with prices walked as far
    as they go: what they may lose at the prices that were given stays below the day's cap, and the prices near those of
    the start."""
    more: dict[str, Any] = {"limits": LIMITS, "signer": {"max_daily_loss": 100.0}}
    lost, nonce, price, ended = 0, 0, ANSWERS[TOKEN], 0
    for _ in range(2):
        async with running(tmp_path, **more) as keeper:
            while await rule(keeper, walked(price), {TOKEN: price}, tries, nonce) is None:
                lost, nonce = lost + 23, nonce + 1
                price = price * 101 // 100
            ended += 1
            too_far = {TOKEN: ANSWERS[TOKEN] * 121 // 100}
            assert await rule(keeper, walked(too_far[TOKEN]), too_far, tries, nonce) == "price"
    assert (ended, nonce) == (2, 4)
    assert lost <= 100


def walked(price: int) -> TxRequest:
    """1,000 USDC at this price for 2.3 % less than it says: the pool's fee and the tolerance."""
    least = 1000 * 10**18 * 10**8 // price * 977 // 1000 + 1
    return asked(spent(1000, least=least), least=least)
