"""Settings that have a new name or are gone. An old name is refused with what to write now.

Journals may be older than a name: a value recorded under the old name is read as the setting with the new name.
"""

from __future__ import annotations

from collections.abc import Mapping

RENAMED: Mapping[str, str] = {
    "SENTINEL_EXECUTION__RESEND_AFTER": "SENTINEL_EXECUTION__RESEND_AFTER_SECONDS",
    "SENTINEL_FORK__ANVIL": "SENTINEL_FORK__ANVIL_PATH",
    "SENTINEL_FORK__DIRECT": "SENTINEL_FORK__NODE_SIMULATION",
    "SENTINEL_FORK__URL": "SENTINEL_FORK__SOCKET",
    "SENTINEL_LIMITS__APPROVAL": "SENTINEL_LIMITS__MAX_APPROVAL",
    "SENTINEL_LIMITS__DAILY_LOSS": "SENTINEL_LIMITS__MAX_DAILY_LOSS",
    "SENTINEL_LIMITS__DAILY_VOLUME": "SENTINEL_LIMITS__MAX_DAILY_VOLUME",
    "SENTINEL_LIMITS__DEADLINE": "SENTINEL_LIMITS__MAX_DEADLINE",
    "SENTINEL_LIMITS__DRIFT_TRADES": "SENTINEL_LIMITS__SHORTFALL_TRADES",
    "SENTINEL_LIMITS__GAS_RESERVE_ETH": "SENTINEL_LIMITS__MIN_GAS_RESERVE_ETH",
    "SENTINEL_LIMITS__INVENTORY_BPS": "SENTINEL_LIMITS__MAX_INVENTORY_BPS",
    "SENTINEL_LIMITS__MAX_DRIFT_BPS": "SENTINEL_LIMITS__MAX_SHORTFALL_BPS",
    "SENTINEL_LIMITS__MAX_MEAN_DRIFT_BPS": "SENTINEL_LIMITS__MAX_MEAN_SHORTFALL_BPS",
    "SENTINEL_LIMITS__REFERENCE_TOLERANCE_BPS": "SENTINEL_LIMITS__MAX_REFERENCE_DEVIATION_BPS",
    "SENTINEL_MODEL__N": "SENTINEL_MODEL__SAMPLES",
    "SENTINEL_MODEL__N_MAX": "SENTINEL_MODEL__MAX_SAMPLES",
    "SENTINEL_NOTIFY__EVERY": "SENTINEL_NOTIFY__MIN_INTERVAL_SECONDS",
    "SENTINEL_NOTIFY__HOUR": "SENTINEL_NOTIFY__SUMMARY_HOUR",
    "SENTINEL_RPC__DISPUTE_AFTER": "SENTINEL_RPC__MAX_DISPUTE_SECONDS",
    "SENTINEL_SIGNER__APPROVALS": "SENTINEL_SIGNER__MAX_APPROVAL",
    "SENTINEL_SIGNER__DAILY": "SENTINEL_SIGNER__MAX_DAILY_VOLUME",
    "SENTINEL_SIGNER__DAILY_GAS_ETH": "SENTINEL_SIGNER__MAX_DAILY_GAS_ETH",
    "SENTINEL_SIGNER__DAILY_SIGNATURES": "SENTINEL_SIGNER__MAX_DAILY_SIGNATURES",
    "SENTINEL_SIGNER__TRADES": "SENTINEL_SIGNER__MAX_TRADE",
    "SENTINEL_STRATEGY__BARS": "SENTINEL_STRATEGY__LOOKBACK_BLOCKS",
}  # old variable -> new variable

_PRESETS: Mapping[str, str] = {
    "rebalance": "rebalance --weth 50% --band 2%",
    "momentum": "momentum --threshold 0.4% --over '4 minutes' --size 500",
    "arbitrage": "arbitrage --size 500 --profit 10",
    "mean_reversion": "mean-reversion --threshold 0.4% --over '20 minutes' --size 500",
    "reduce_risk": "reduce-risk --weth 50% --band 2% --threshold 0.4% --over '20 minutes'",
    "slice": "slice --amount '500 USDC' --parts 12 --over '1 hour'",
}  # value of the old setting of the playbook -> a preset with its parameters
_SAID_BY: Mapping[str, tuple[str, ...]] = {
    "PLAYBOOK": tuple(_PRESETS),
    "TARGET_WEIGHTS": ("rebalance",),
    "BAND": ("rebalance",),
    "THRESHOLD": ("momentum", "mean_reversion"),
    "MAX_SIZE": ("momentum",),
    "SIZE": ("momentum",),
    "MIN_SIZE": ("arbitrage",),
    "LEAST": ("arbitrage",),
    "LAST_SLICE_BLOCK": ("slice",),
    "UNTIL": ("slice",),
    "SLICE_INTERVAL_BLOCKS": ("slice",),
    "EVERY": ("slice",),
}
SAID_BY_ORDERS: Mapping[str, tuple[str, ...]] = {
    f"SENTINEL_STRATEGY__{name}": playbooks for name, playbooks in _SAID_BY.items()
}  # old variable -> playbooks whose presets say it


_GONE: Mapping[str, str] = {
    "SENTINEL_FIRST_THOUGHT": "a program of an order begins with its approved reading",
    "SENTINEL_MODEL__TRADES": "the student always trades by programs of the approved order",
}  # old variable -> why nothing takes its place


def removed(name: str, value: str) -> str | None:
    """What to write instead of a setting that is gone; None for any other name."""
    if name in _GONE:
        return f"remove it: {_GONE[name]}"
    if name.startswith("SENTINEL_ANALYST__"):
        return "remove it. No model moves the target weights any more; an approved order states its own"
    if (playbooks := SAID_BY_ORDERS.get(name)) is None:
        return None
    if value == "triangle":
        return "remove it; a program can do it with `best_loop` (SENTINEL_PROPOSER=code, docs/proposers.md)"
    presets = [_PRESETS[value]] if value in _PRESETS else [_PRESETS[playbook] for playbook in playbooks[:2]]
    shown = " or ".join(f"`sentinel order preset {preset}`" for preset in presets)
    return (
        f"an order says it. Remove the line, then begin with {shown}; approve what it prints by `sentinel order set`, "
        "or give it as SENTINEL_STRATEGY__ORDER"
    )


def field(name: str) -> str:
    """'limits.old' -> 'limits.new'; a name that was never changed is returned as it is."""
    variable = RENAMED.get(f"SENTINEL_{name.replace('.', '__')}".upper())
    return variable.removeprefix("SENTINEL_").lower().replace("__", ".") if variable else name
