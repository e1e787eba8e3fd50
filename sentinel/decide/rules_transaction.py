"""Rules on the bytes: what would be signed is one of the few shapes allowed, and says what the typed action says."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from sentinel.core.actions import Leg, Swap
from sentinel.core.errors import Refused
from sentinel.core.network import NATIVE, UNWRAP, WRAP, Network, Pool
from sentinel.decide.calldata import ADDRESS_THIS, CONTRACT_BALANCE, MSG_SENDER, SwapCall
from sentinel.decide.case import Case, Finding, Rule

SIGNATURE_BYTES = 65


def action(case: Case) -> Finding:
    """A swap or an approval, with a transaction."""
    return case.simulation.tx is not None, "it has a transaction" if case.simulation.tx else "it has no transaction"


def reverted(case: Case) -> Finding:
    why = case.simulation.revert
    return why is None, "it succeeded in simulation" if why is None else f"it reverted in simulation: {why[:100]}"


def value(case: Case) -> Finding:
    """The native coin sent along is what the swap puts in as such, and what its bytes wrap; none with anything else."""
    sent, meant, wrapped = case.tx.value, 0, 0
    if isinstance(case.simulation.candidate.action, Swap):
        meant = case.swap.value
        wrapped = sum(command.amount_in for command in case.router_call.swaps if command.venue == WRAP)
    return sent == meant == wrapped, f"{sent} wei sent along, {meant} meant, {wrapped} wrapped"


def nonce(case: Case) -> Finding:
    """Simulated with the wallet's next nonce: the simulator itself does not check."""
    used, wanted = case.simulation.env.nonce, case.state.nonce
    return used == wanted, f"simulated with nonce {used}, the wallet's next is {wanted}"


def deadline(case: Case) -> Finding:
    """Not yet over at the head, and not further off than allowed; the bytes carry the same one."""
    what = case.simulation.candidate.action
    until = case.swap.deadline if isinstance(what, Swap) else case.approval.expiry
    if isinstance(what, Swap) and case.router_call.deadline != until:
        return False, f"the bytes carry deadline {case.router_call.deadline}, the action {until}"
    left = until - case.head.timestamp
    if left <= 0:
        return False, f"the deadline was {-left} s before the head"
    return 0 < left <= case.limits.max_deadline, f"{left} s from the head, at most {case.limits.max_deadline}"


# ---------------------------------------------------------------- swaps


def target(case: Case) -> Finding:
    return _same(case.tx.to, case.network.universal_router), f"sent to {case.tx.to}"


def calldata(case: Case) -> Finding:
    return True, f"{len(case.router_call.swaps)} swap commands in plain encoding"


def route(case: Case) -> Finding:
    """The commands cross exactly the action's pools, which are listed, with exactly its amounts."""
    told, coin = case.swap.routes, {NATIVE, case.network.wrapped}
    found = _routes(case)
    if len(found) != len(told):
        return False, f"{len(found)} routes in the bytes, {len(told)} in the action"
    for commands, meant in zip(found, told, strict=True):
        legs = tuple(leg for command in commands for leg in _legs(case.network, command))
        if legs != meant.legs:
            return False, "the bytes cross other pools than the action"
        if commands[0].amount_in != meant.amount_in or meant.amount_in <= 0:
            return False, f"the bytes put in {commands[0].amount_in}, the action {meant.amount_in}"
        if any(command.amount_in != CONTRACT_BALANCE for command in commands[1:]):
            return False, "a later command does not pass on all that came before"
        if any(command.venue == UNWRAP for command in commands[:-1]):
            return False, "something comes after the native coin"
        if any(one.token_out != other.token_in for one, other in pairwise(legs)):
            return False, "the pools do not join"
        if len(legs) > 1 and NATIVE in (ends := {legs[0].token_in, legs[-1].token_out}) and ends <= coin:
            return False, f"a closed cycle of {NATIVE}"
    return len({(m.legs[0].token_in, m.legs[-1].token_out) for m in told}) == 1, "the pools are those of the action"


def recipient(case: Case) -> Finding:
    """The wallet gets what comes out; between commands the router holds it."""
    for commands in _routes(case):
        last = commands[-1].recipient
        if last != MSG_SENDER and not _same(last, case.state.wallet):
            return False, f"the output goes to {last}"
        if any(command.recipient != ADDRESS_THIS for command in commands[:-1]):
            return False, "something between two commands leaves the router"
    return True, "the output goes to the wallet"


def min_out(case: Case) -> Finding:
    """Every route ends with a positive least output, together the action's; nothing in between carries one.

    Wrapping takes none: it gives what it takes.
    """
    routes = _routes(case)
    ends = [last.amount_in if last.venue == WRAP else last.min_out for *_, last in routes]
    if any(least <= 0 for least in ends):
        return False, "a route ends without a least output"
    if any(command.min_out for commands in routes for command in commands[:-1]):
        return False, "a command in between carries a least output"
    return sum(ends) == case.swap.min_out, f"least output {sum(ends)} in the bytes, {case.swap.min_out} in the action"


def receipt(case: Case) -> Finding:
    """The bytes bind what the wallet itself receives (I12): its balance of the bought token must grow by the minimum
    output, less the input in a closed cycle. For native coin the unwrapping that ends each route does this instead."""
    swap, check = case.swap, case.router_call.receipt
    if swap.token_out == NATIVE:
        ends = all(commands[-1].venue == UNWRAP for commands in _routes(case))
        return ends and check is None, "each route pays native coin" if ends else "a route does not end in native coin"
    if check is None:
        return False, f"no check of the {swap.token_out} that the wallet receives"
    if not _same(check.owner, case.state.wallet) or not _same(check.token, case.network.tokens[swap.token_out].address):
        return False, f"the receipt check is on {check.token} of {check.owner}"
    held = case.state.balances.get(swap.token_out)
    if held is None:
        return False, f"the wallet's balance of {swap.token_out} is unknown"
    required = held + swap.min_out - (swap.amount_in if swap.is_cycle else 0)
    return (
        check.min_balance == required,
        f"the wallet must end with {check.min_balance} base units of {swap.token_out}, by its balance {required}",
    )


def permit(case: Case) -> Finding:
    """The permit is for exactly this trade; while only screened it may be missing or unsigned."""
    given = case.router_call.permit
    if given is None:
        return True, "no permit in the bytes"
    swap = case.swap
    if swap.value:
        return False, "a permit, though nothing is paid through Permit2"
    wrong = [
        name
        for name, right in (
            ("token", _same(given.token, case.network.tokens[swap.token_in].address)),
            ("amount", given.amount == swap.amount_in),
            ("spender", _same(given.spender, case.network.universal_router)),
            ("expiration", given.expiration == swap.deadline),
            ("signature deadline", given.sig_deadline == swap.deadline),
            ("nonce", given.nonce == case.state.permit_nonces.get(swap.token_in)),
            ("signature length", len(given.signature) in (0, SIGNATURE_BYTES)),
        )
        if not right
    ]
    return not wrong, f"the permit's {', '.join(wrong)} is wrong" if wrong else "the permit is for exactly this trade"


# ---------------------------------------------------------------- approvals


def approval(case: Case) -> Finding:
    """`approve(Permit2, amount)` on a listed token, as the action says."""
    meant, call = case.approval, case.approve_call
    right = (
        meant.spender == "permit2"
        and _same(call.spender, case.network.permit2)
        and _same(case.tx.to, case.network.tokens[meant.token].address)
        and call.amount == meant.amount
    )
    return right, "the bytes approve what the action says" if right else "the bytes approve something else"


# ---------------------------------------------------------------- reading the commands


def _routes(case: Case) -> list[list[SwapCall]]:
    """The commands by route: one that the wallet pays begins a route, those that the router pays go on with it."""
    routes: list[list[SwapCall]] = []
    for command in case.router_call.swaps:
        if command.payer_is_user:
            routes.append([command])
        elif routes:
            routes[-1].append(command)
        else:
            raise Refused("route", "the first command is not paid by the wallet")
    return routes


def _legs(network: Network, command: SwapCall) -> Sequence[Leg]:
    """The pools that a command crosses; raises Refused where one is not listed."""
    if command.venue == WRAP:
        return [Leg(WRAP, NATIVE, network.wrapped, WRAP)]
    if command.venue == UNWRAP:
        if any(not _same(token, network.tokens[network.wrapped].address) for token in command.tokens):
            raise Refused("route", f"{command.tokens[0]} cannot be unwrapped")
        return [Leg(UNWRAP, network.wrapped, NATIVE, UNWRAP)]
    symbols = {token.address.lower(): symbol for symbol, token in network.tokens.items()}
    legs = []
    for hop, (one, other) in enumerate(zip(command.tokens, command.tokens[1:], strict=False)):
        token_in, token_out = symbols.get(one.lower()), symbols.get(other.lower())
        if token_in is None or token_out is None:
            raise Refused("route", f"token {one if token_in is None else other} is not listed")
        fee = command.fees[hop] if command.fees else None
        spacing = command.spacings[hop] if command.spacings else None
        pool = _pool(network, command.venue, {token_in, token_out}, fee, spacing)
        legs.append(Leg(pool.name, token_in, token_out, command.venue))
    return legs


def _pool(network: Network, venue: str, pair: set[str], fee: int | None, spacing: int | None) -> Pool:
    """The listed pool that the bytes name; a fee or spacing that the venue does not name is None."""
    for pool in network.pools.values():
        named = fee in (None, pool.fee_pips) and spacing in (None, pool.tick_spacing)
        if named and pool.venue == venue and {pool.token0, pool.token1} == pair:
            return pool
    raise Refused("route", f"no listed {venue} pool of {'/'.join(sorted(pair))}")


def _same(one: str, other: str) -> bool:
    return one.lower() == other.lower()


SWAP: tuple[Rule, ...] = (
    action,
    reverted,
    target,
    calldata,
    route,
    value,
    recipient,
    min_out,
    receipt,
    permit,
    deadline,
    nonce,
)
APPROVE: tuple[Rule, ...] = (action, reverted, value, approval, deadline, nonce)
