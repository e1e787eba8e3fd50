"""Rules on what the simulation did to the wallet, judged by balance changes alone (I13)."""

from __future__ import annotations

from sentinel.decide.case import Case, Finding, Rule


def funds(case: Case) -> Finding:
    """The whole input is in hand; it is capital at risk, in a closed cycle too."""
    token, needed = case.swap.token_in, case.swap.amount_in
    held = case.state.balances.get(token, 0)
    return needed <= held, f"{needed} base units of {token} needed, {held} held"


def paid(case: Case) -> Finding:
    """A swap takes exactly its input; a closed cycle's input is seen in its gross amount only."""
    simulation, swap = case.simulation, case.swap
    if simulation.gross != swap.amount_in:
        return False, f"gross amount {simulation.gross}, the action puts in {swap.amount_in}"
    if swap.is_cycle:
        return True, "a closed cycle"
    left = -simulation.deltas.get(swap.token_in, 0)
    return left == swap.amount_in, f"{left} base units of {swap.token_in} left the wallet, meant {swap.amount_in}"


def other_tokens(case: Case) -> Finding:
    """No other token moves, nor the native coin beyond gas where the swap neither sells nor buys it."""
    swap = case.swap
    moved = [t for t, delta in case.simulation.deltas.items() if delta and t not in (swap.token_in, swap.token_out)]
    return not moved, f"{', '.join(sorted(moved))[:100]} moved too" if moved else "no other token moved"


def nothing_moved(case: Case) -> Finding:
    """An approval moves no token."""
    moved = [token for token, delta in case.simulation.deltas.items() if delta]
    return not moved, f"{', '.join(sorted(moved))[:100]} moved" if moved else "no token moved"


def allowance_left(case: Case) -> Finding:
    """Nothing of Permit2's allowance to the router remains (I14)."""
    left = case.simulation.router_allowance
    return left == 0, f"{left} base units of allowance to the router remain"


SWAP: tuple[Rule, ...] = (funds, paid, other_tokens, allowance_left)
APPROVE: tuple[Rule, ...] = (nothing_moved,)
