"""For every rule of policy: worlds just inside it, and worlds just outside that it alone refuses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from math import ceil, floor

from sentinel.core.actions import Approve
from sentinel.core.network import NATIVE, HexHash
from sentinel.core.spent import Spent
from sentinel.core.units import GWEI
from sentinel.decide import case as reckon
from sentinel.decide.case import Case
from sentinel.orders.playing.trades import Side
from tests.decide import world as w
from tests.decide.changes import (
    alone,
    checked,
    coined,
    holding,
    one_command,
    ordered,
    permitted,
    priced,
    received,
    reserve,
    taken,
    two_commands,
    until,
    wrapped,
)
from tests.decide.fair_market import (
    ALL,
    DEADLINE,
    ENV,
    HEAD,
    LATER_ENV,
    LIMITS,
    MSG_SENDER,
    NETWORK,
    NOW,
    OTHER_ENV,
    ROUTER,
    STATE,
    STRANGER,
    USD,
    WALLET,
)
from tests.decide.order_edges import ORDER_ROWS
from tests.decide.plain_calldata import UNWRAP, WRAP, commands_of, execute, leg, permit, receipt_check
from tests.decide.world import FAIR, PAID, World, approving, buying, circling, hopping, unwrapping, wrapping


def case(world: World) -> Case:
    return Case(NETWORK, world.limits, world.state, world.head, world.spent, world.simulation())


SOLD, BACK = leg("WETH/USDC-v2", "WETH", "USDC"), leg("WETH/USDC-v3-500", "USDC", "WETH")
LEAST = floor(FAIR * (1_000_000 - 3000 - 10_000) / 1_000_000)  # the reference, less the fee of 0.3 % and 1 %
COST = 300_000 * 41 * GWEI  # wei, of every world's swap
LOSS = ceil(reckon.loss(case(buying())))
GAIN = floor(-reckon.loss(case(circling())))
COINS = STATE.balances["WETH"] + STATE.balances[NATIVE]
SHARE = ceil((COINS + buying().deltas["WETH"]) * 2000 * USD * 10_000 / 10**18 / reckon.equity(case(buying())))
SOLD_BACK = floor(PAID * Fraction(1_000_000 - 3000 - 10_000, 1_000_000) ** 2)  # by fee and slippage of both ways
APPROVAL = Approve("USDC", "permit2", 20_000 * USD, DEADLINE)
SECOND = {"gas_used": 275_000}

# rule -> (just inside, just outside); outside, this rule alone refuses
EDGES: Mapping[str, list[tuple[World, World]]] = {
    "order": ORDER_ROWS,
    "reverted": [(buying(), buying().but(revert="V2TooLittleReceived"))],
    "value": [
        (buying(), buying().but(value=1)),
        (approving(), approving().but(value=1)),
        (unwrapping(), unwrapping().but(value=FAIR)),
        (w.only_unwrapping(), w.only_unwrapping().but(value=FAIR)),
        (wrapping(), wrapping().but(value=0)),
        (wrapping(), wrapping().but(value=FAIR - 1)),
        (wrapping(), wrapping().but(value=FAIR + 1)),
        (w.wrapping_twice(), w.wrapping_twice().but(value=FAIR // 2)),
        (w.only_wrapping(), w.only_wrapping().but(value=FAIR - 1)),
    ],
    "target": [(buying(), buying().but(to=NETWORK.permit2)), (buying(), buying().but(to=STRANGER))],
    "route": [
        (one_command(), one_command(pool="WETH/USDC-v3-3000")),
        (one_command(), one_command(amount_in=PAID + 1)),
        (one_command(), one_command(amount_in=ALL)),
        (two_commands(), two_commands(passed_on=5)),
        (taken("WETH"), taken("USDC")),
        (wrapping(), coined(wrapping(), WRAP, leg("WBTC/USDC-v3-3000", "WBTC", "USDC"))),
        (wrapping(), coined(w.only_wrapping(), WRAP, SOLD, BACK)),
        (wrapping(), coined(wrapping(), WRAP, SOLD, BACK, UNWRAP, min_out=FAIR + 9 * 10**15, ETH=10**16)),
    ],
    "recipient": [
        (one_command(), one_command(STRANGER)),
        (one_command(WALLET), one_command(ROUTER)),
        (one_command(), one_command("0x0000000000000000000000000000000000000000")),
        (two_commands(), two_commands(STRANGER)),
        (wrapped(), wrapped(STRANGER)),
        (wrapped(), wrapped(MSG_SENDER)),
        (alone(WALLET), alone(STRANGER)),
        (alone(), alone(ROUTER)),
        (two_commands(), two_commands(NETWORK.pools["WBTC/WETH-v3-3000"].address)),
    ],
    "min_out": [
        (one_command(), one_command(min_out=0)),
        (one_command(), one_command(min_out=LEAST - 1)),
        (two_commands(), two_commands(first_min=1)),
        (alone(), alone(min_out=FAIR - 1)),
    ],
    "receipt": [
        (checked(buying()), received(buying())),
        (checked(buying()), checked(buying(), owner=STRANGER)),
        (checked(buying()), checked(buying(), owner=MSG_SENDER)),
        (checked(buying()), checked(buying(), token="USDC")),
        (checked(buying()), checked(buying(), more=-1)),
        (checked(buying()), checked(buying(), more=1)),
        (checked(buying()), checked(buying(), least=buying().swap.min_out)),
        (checked(circling()), checked(circling(), more=-1)),
        (checked(w.splitting()), checked(w.splitting(), more=-1)),
        (checked(w.only_wrapping()), received(w.only_wrapping())),
        (unwrapping(), received(unwrapping(), receipt_check(buying().swap))),
    ],
    "permit": [
        (permitted(), permitted(token=NETWORK.tokens["WETH"].address)),
        (permitted(), permitted(amount=PAID + 1)),
        (permitted(), permitted(amount=PAID - 1)),
        (permitted(), permitted(spender=STRANGER)),
        (permitted(), permitted(expiration=DEADLINE + 1)),
        (permitted(), permitted(sig_deadline=DEADLINE + 1)),
        (permitted(), permitted(nonce=4)),
        (permitted(signature=b""), permitted(signature=b"\x01" * 66)),
        (wrapped(), wrapped(ROUTER, FAIR, (0x8A, permit("WETH", FAIR)))),
    ],
    "deadline": [
        (until(NOW + 120), until(NOW + 121)),
        (until(NOW + 1), until(NOW)),
        (buying(), buying().but(data=execute(commands_of(buying().swap), DEADLINE - 1))),
        (approving(), approving().but(action=replace(APPROVAL, expiry=DEADLINE + 1))),
    ],
    "nonce": [(buying(), buying().offering(nonce=8)), (buying(), buying().offering(nonce=6))],
    "gas_limit": [
        (buying().limited(max_gas=300_000), buying().limited(max_gas=299_999)),
        (
            buying().but(gas_used=300_000).limited(max_cost_bps=400),
            buying().but(gas_used=300_001).limited(max_cost_bps=400),
        ),
        (buying().but(gas_used=21_000), buying().but(gas_used=20_999)),
    ],
    "fee_caps": [
        (buying().limited(max_fee=41 * GWEI), buying().limited(max_fee=41 * GWEI - 1)),
        (buying().limited(max_priority_fee=GWEI), buying().limited(max_priority_fee=GWEI - 1)),
        (buying().offering(max_fee=20 * GWEI), buying().offering(max_fee=20 * GWEI - 1)),
        (buying(), buying().offering(priority_fee=-1)),
    ],
    "max_cost": [(buying().limited(max_cost=COST), buying().limited(max_cost=COST - 1))],
    "gas_reserve": [
        (holding(NATIVE, COST + LIMITS.gas_reserve), holding(NATIVE, COST + LIMITS.gas_reserve - 1)),
        (
            wrapping().stated(balances={**STATE.balances, NATIVE: FAIR + COST + LIMITS.gas_reserve}),
            wrapping().stated(balances={**STATE.balances, NATIVE: FAIR + COST + LIMITS.gas_reserve - 1}),
        ),
    ],
    "reference": [(priced(300), priced(301)), (priced(0), priced(-1))],
    "pool_price": [(reserve(0), reserve(1))],
    "trade_size": [
        (buying().limited(max_trade=PAID), buying().limited(max_trade=PAID - 1)),
        (buying().limited(min_trade=PAID), buying().limited(min_trade=PAID + 1)),
        (wrapping().limited(max_trade=PAID), wrapping().limited(max_trade=PAID - 1)),
    ],
    "min_out_price": [(buying(min_out=LEAST), buying(min_out=LEAST - 1))],
    "realised": [
        (buying(min_out=LEAST, out=LEAST), buying(min_out=LEAST, out=LEAST - 1)),
        (circling(gain=13 * USD), circling(gain=13 * USD - 1)),
    ],
    "plausible_gain": [
        (buying(out=FAIR * 105 // 100), buying(out=FAIR * 105 // 100 + 1)),
        (buying().limited(max_gain_bps=10), buying(out=FAIR * 1001 // 1000 + 1).limited(max_gain_bps=10)),
        (circling(gain=25 * USD), circling(gain=25 * USD + 1)),
    ],
    "cycle_profit": [(circling().limited(min_profit=GAIN), circling().limited(min_profit=GAIN + 1))],
    "daily_loss": [
        (
            buying().but(spent=Spent(LIMITS.daily_loss - LOSS, 0)),
            buying().but(spent=Spent(LIMITS.daily_loss - LOSS + 1, 0)),
        ),
        (circling().but(spent=Spent(LIMITS.daily_loss, 0)), circling().but(spent=Spent(LIMITS.daily_loss + 1, 0))),
    ],
    "daily_volume": [
        (
            buying().but(spent=Spent(0, LIMITS.daily_volume - PAID)),
            buying().but(spent=Spent(0, LIMITS.daily_volume - PAID + 1)),
        )
    ],
    "inventory": [
        (buying().limited(inventory_bps={"WETH": SHARE}), buying().limited(inventory_bps={"WETH": SHARE - 1})),
        (
            unwrapping().limited(inventory_bps={"WETH": SHARE}),
            unwrapping().limited(inventory_bps={"WETH": SHARE - 1}),
        ),
        (w.only_wrapping().limited(inventory_bps={"WETH": 1}), unwrapping().limited(inventory_bps={"WETH": 1})),
    ],
    "trade_cost": [
        (buying().limited(max_cost_bps=265), buying().limited(max_cost_bps=264)),
        (wrapping().limited(max_cost_bps=1), wrapping().limited(max_cost_bps=1, exits_exempt=False)),
    ],
    "funds": [(holding("USDC", PAID), holding("USDC", PAID - 1))],
    "paid": [
        (buying(), buying().but(deltas={**buying().deltas, "USDC": -PAID - 1})),
        (buying(), buying().but(deltas={**buying().deltas, "USDC": -PAID + 1})),
        (buying(), buying().but(gross=PAID - 1)),
        (wrapping(), wrapping().but(deltas={**wrapping().deltas, NATIVE: -FAIR - 1})),
    ],
    "other_tokens": [
        (buying().but(deltas={**buying().deltas, "WBTC": 0}), buying().but(deltas={**buying().deltas, "WBTC": -1})),
        (buying(), buying().but(deltas={**buying().deltas, "WBTC": 1})),
        (buying(), buying().but(deltas={**buying().deltas, NATIVE: -1})),
        (circling(), circling().but(deltas={**circling().deltas, "WETH": -1})),
        (wrapping(), wrapping().but(deltas={**wrapping().deltas, "WETH": 1})),
    ],
    "allowance_left": [(buying(), buying().but(router_allowance=1))],
    "approval": [
        (approving(), approving().but(data=approving(1).data)),
        (approving(), approving().but(to=NETWORK.tokens["WETH"].address)),
        (approving(), approving().but(data=approving().data.replace(bytes.fromhex(NETWORK.permit2[2:]), b"\x05" * 20))),
    ],
    "approval_bound": [
        (approving(20_000 * USD), approving(20_000 * USD + 1)),
        (approving(0), approving((1 << 256) - 1)),
    ],
    "approval_order": [
        (
            approving(2_000 * USD).but(spending={"USDC": Decimal(2_000)}),
            approving(2_000 * USD + 1).but(spending={"USDC": Decimal(2_000)}),
        ),
        (approving().but(spending={"USDC": None}), approving().but(spending={"WETH": None})),
        (
            approving(500 * USD).but(spending={"USDC": None}, play=ordered(Side.BUY, "USDC", "WETH", "500")),
            approving(500 * USD - 1).but(spending={"USDC": None}, play=ordered(Side.BUY, "USDC", "WETH", "500")),
        ),
    ],
    "nothing_moved": [(approving(), approving().but(deltas={"USDC": -1}))],
    "head_age": [
        (buying().but(now=NOW + 60.0), buying().but(now=NOW + 60.5)),
        (buying().but(now=NOW - 60.0), buying().but(now=NOW - 60.5)),
    ],
    "newest_head": [
        (buying(), buying().but(head=replace(HEAD, number=101, hash=HexHash("0x" + "bb" * 32)))),
        (buying(), buying().offering(parent_hash=HEAD.parent_hash)),
        (buying(), buying().but(env=replace(ENV, number=102), other_env=replace(OTHER_ENV, number=102))),
        (buying(), buying().but(later_env=replace(LATER_ENV, number=100))),
        (buying(), buying().but(later_env=replace(LATER_ENV, parent_hash=HEAD.parent_hash))),
        (buying(), buying().stated(head=replace(HEAD, number=101))),
    ],
    "environments": [
        (buying(), buying().but(other_env=ENV, later_env=ENV)),
        (buying(), buying().but(other_env=replace(OTHER_ENV, coinbase=ENV.coinbase))),
        (buying(), buying().but(later_env=replace(LATER_ENV, number=ENV.number))),
        *(
            (buying(), buying().but(other_env=replace(OTHER_ENV, **same), later_env=replace(LATER_ENV, **same)))
            for same in ({"timestamp": ENV.timestamp}, {"base_fee": ENV.base_fee}, {"prev_randao": ENV.prev_randao})
        ),
    ],
    "same_effect": [
        (buying(), buying().but(second={"deltas": {**buying().deltas, "WETH": buying().deltas["WETH"] + 1}})),
        (buying().but(second=SECOND), buying().but(second={"gas_used": 275_001})),
    ],
    "round_trip": [
        (
            buying().limited(trusted=frozenset({"USDC"})).but(sold_back=SOLD_BACK),
            buying().limited(trusted=frozenset({"USDC"})).but(sold_back=SOLD_BACK - 1),
        ),
        (buying(), buying().limited(trusted=frozenset({"USDC"}))),
        (unwrapping().limited(trusted=frozenset()), buying().limited(trusted=frozenset())),
        (circling().limited(trusted=frozenset()), hopping().limited(trusted=frozenset({"WETH"}))),
    ],
    "same_trade": [
        (buying().but(voted_data=permitted(signature=b"").data), buying().but(voted_data=one_command(WALLET).data)),
        (buying(), buying().but(second={"tx": replace(buying().tx, gas_limit=300_001)})),
    ],
    "receipt_now": [
        (buying(), buying().but(held=STATE.balances["WETH"] + 1)),
        (buying().but(held=STATE.balances["WETH"] - 1), buying().but(held=None)),
        (circling(), circling().but(held=STATE.balances["USDC"] + 1)),
        (unwrapping().but(held=None), buying().but(second={"held": STATE.balances["WETH"] + 1})),
    ],
}
