"""The settings that hold the numbers of a rule, for what is said of a refusal. Pure."""

from __future__ import annotations

from collections.abc import Mapping

LIMITS = "SENTINEL_LIMITS__"
RULE_SETTINGS: Mapping[str, Mapping[str, str]] = {  # by rule: name after LIMITS -> what its words contain; "" always
    "approval_order": {},  # what its trades can take
    "order": {},  # the order itself is what binds
    "trade_cost": {},  # its words name the setting themselves
    "gas_limit": {"MAX_GAS": ""},
    "fee_caps": {"MAX_FEE_GWEI": "max fee", "MAX_PRIORITY_FEE_GWEI": "priority fee"},
    "max_cost": {"MAX_COST_ETH": ""},
    "gas_reserve": {"MIN_GAS_RESERVE_ETH": ""},
    "deadline": {"MAX_DEADLINE": ""},
    "pool_price": {"MAX_REFERENCE_DEVIATION_BPS": ""},
    "trade_size": {"MIN_TRADE": "minimum", "MAX_TRADE": "maximum"},
    "min_out_price": {"MAX_SLIPPAGE_BPS": ""},
    "realised": {"MAX_SLIPPAGE_BPS": ""},
    "plausible_gain": {"MAX_GAIN_BPS": ""},
    "cycle_profit": {"MIN_PROFIT": ""},
    "daily_loss": {"MAX_DAILY_LOSS": ""},
    "daily_volume": {"MAX_DAILY_VOLUME": ""},
    "inventory": {"MAX_INVENTORY_BPS": ""},
    "approval_bound": {"MAX_APPROVAL": ""},
    "head_age": {"MAX_HEAD_AGE": ""},
    "round_trip": {"TRUSTED_TOKENS": "", "MAX_SLIPPAGE_BPS": ""},
}


def with_settings(rule: str, words: str) -> str:
    """'may cost 0.2 ETH, at most 0.1 (SENTINEL_LIMITS__MAX_COST_ETH)'; or the words alone."""
    names = [name for name, mark in RULE_SETTINGS.get(rule, {}).items() if mark in words]
    return f"{words} ({', '.join(LIMITS + name for name in names)})" if names else words
