"""Settings that have a new name or were removed. An old name is refused with an error that says what to set instead.

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
    "SENTINEL_STRATEGY__EVERY": "SENTINEL_STRATEGY__SLICE_INTERVAL_BLOCKS",
    "SENTINEL_STRATEGY__LEAST": "SENTINEL_STRATEGY__MIN_SIZE",
    "SENTINEL_STRATEGY__SIZE": "SENTINEL_STRATEGY__MAX_SIZE",
    "SENTINEL_STRATEGY__UNTIL": "SENTINEL_STRATEGY__LAST_SLICE_BLOCK",
}  # old variable -> new variable

REMOVED: Mapping[str, str] = {
    "SENTINEL_ANALYST": "the model that moved the target weights was removed, so leave this out. An approved order "
    "states its own weights (`sentinel order set`); without an order, SENTINEL_STRATEGY__TARGET_WEIGHTS gives them",
}  # group of variables -> what to do instead


def removed(variable: str) -> str | None:
    """What to do instead of a setting that was removed; None for any other name."""
    return REMOVED.get(variable.partition("__")[0])


def field(name: str) -> str:
    """'limits.old' -> 'limits.new'; a name that was never changed is returned as it is."""
    variable = RENAMED.get(f"SENTINEL_{name.replace('.', '__')}".upper())
    return variable.removeprefix("SENTINEL_").lower().replace("__", ".") if variable else name
