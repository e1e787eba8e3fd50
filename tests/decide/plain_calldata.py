"""Calldata written with eth_abi from the router's source, apart from the code under test and the code it guards."""

from __future__ import annotations

from typing import Any

from eth_abi.abi import encode

from sentinel.core.actions import Leg, Swap
from tests.decide.fair_market import ALL, DEADLINE, MSG_SENDER, NETWORK, ROUTER, STATE


def permit(symbol: str, paid: int, **changes: Any) -> bytes:
    """A PERMIT2_PERMIT input, signed by nobody."""
    said = {
        "token": NETWORK.tokens[symbol].address,
        "amount": paid,
        "expiration": DEADLINE,
        "nonce": STATE.permit_nonces[symbol],
        "spender": NETWORK.universal_router,
        "sig_deadline": DEADLINE,
        "signature": b"\x01" * 65,
    } | changes
    single = ((said["token"], said["amount"], said["expiration"], said["nonce"]), said["spender"], said["sig_deadline"])
    return encode(["((address,uint160,uint48,uint48),address,uint256)", "bytes"], [single, said["signature"]])


V4_ACTIONS = bytes((0x0B, 0x06, 0x0E))  # settle, swap, take
V4_PARTS = (
    ["address", "uint256", "bool"],
    ["((address,address,uint24,int24,address),bool,uint128,uint128,bytes)"],
    ["address", "address", "uint256"],
)


def command(leg: Leg, recipient: str, amount_in: int, min_out: int, payer_is_user: bool) -> tuple[int, bytes]:
    if leg.pool == "wrap":
        return 0x0B, encode(["address", "uint256"], [recipient, amount_in])
    if leg.pool == "unwrap":
        return 0x0C, encode(["address", "uint256"], [recipient, min_out])
    pool = NETWORK.pools[leg.pool]
    ends = (token.replace("ETH", "WETH") if token == "ETH" else token for token in (leg.token_in, leg.token_out))
    one, other = (NETWORK.tokens[token].address for token in ends)
    head = [recipient, amount_in, min_out]
    if leg.venue == "uniswap_v2":
        return 0x08, encode(
            ["address", "uint256", "uint256", "address[]", "bool"], [*head, [one, other], payer_is_user]
        )
    if leg.venue == "uniswap_v4":
        low, high = sorted((one, other), key=lambda address: int(address, 16))
        key = (low, high, pool.fee_pips, pool.tick_spacing, "0x" + "00" * 20)
        values: tuple[list[Any], ...] = (
            [one, amount_in, payer_is_user],
            [(key, one == low, 0, min_out, b"")],
            [other, recipient, 0],
        )
        parts = [encode(kinds, given) for kinds, given in zip(V4_PARTS, values, strict=True)]
        return 0x10, encode(["bytes", "bytes[]"], [V4_ACTIONS, parts])
    path = bytes.fromhex(one[2:]) + pool.fee_pips.to_bytes(3, "big") + bytes.fromhex(other[2:])
    return 0x00, encode(["address", "uint256", "uint256", "bytes", "bool"], [*head, path, payer_is_user])


def transfer(amount: int, token: str = "WETH", recipient: str = ROUTER) -> tuple[int, bytes]:
    """The router takes what the wallet has, through Permit2."""
    given = [NETWORK.tokens[token].address, recipient, amount]
    return 0x02, encode(["address", "address", "uint256"], given)


def execute(commands: list[tuple[int, bytes]], deadline: int = DEADLINE) -> bytes:
    codes = bytes(code for code, _ in commands)
    return bytes.fromhex("3593564c") + encode(
        ["bytes", "bytes[]", "uint256"], [codes, [given for _, given in commands], deadline]
    )


def receipt_check(swap: Swap, *, flag: int = 0, more: int = 0, **changes: Any) -> tuple[int, bytes]:
    """The wallet must end with what it holds in STATE and the swap's min_out, less what a closed cycle puts in."""
    given = {"owner": STATE.wallet, "token": swap.token_out} | changes
    least = STATE.balances[swap.token_out] + swap.min_out - (swap.amount_in if swap.is_cycle else 0) + more
    values = [given["owner"], NETWORK.tokens[given["token"]].address, given.get("least", least)]
    return 0x0E | flag, encode(["address", "address", "uint256"], values)


def ending(swap: Swap) -> list[tuple[int, bytes]]:
    """The receipt check, which a swap for native coin has none of."""
    return [] if swap.token_out == "ETH" else [receipt_check(swap)]


def commands_of(swap: Swap, **permit_changes: Any) -> list[tuple[int, bytes]]:
    """The plain commands of a swap of one or more routes; several routes share min_out with the last one."""
    out = [] if swap.token_in == "ETH" else [(0x8A, permit(swap.token_in, swap.amount_in, **permit_changes))]
    for number, route in enumerate(swap.routes):
        final_route = number == len(swap.routes) - 1
        least = swap.min_out - (len(swap.routes) - 1) if final_route else 1
        if route.legs == (UNWRAP,):
            out.append(transfer(route.amount_in))
        for position, leg in enumerate(route.legs):
            last = position == len(route.legs) - 1
            out.append(
                command(
                    leg,
                    MSG_SENDER if last else ROUTER,
                    route.amount_in if position == 0 else ALL,
                    least if last else 0,
                    position == 0,
                )
            )
    return [*out, *ending(swap)]


def leg(pool: str, token_in: str, token_out: str) -> Leg:
    return Leg(pool, token_in, token_out, NETWORK.pools[pool].venue)


WRAP, UNWRAP = Leg("wrap", "ETH", "WETH", "wrap"), Leg("unwrap", "WETH", "ETH", "unwrap")
