"""The settings of the paper wallet of a dry run: SENTINEL_PAPER__..."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from sentinel.config.group import Amounts, SettingsGroup


class PaperSettings(SettingsGroup):
    wallet: Literal["paper", "chain"] = Field(
        "paper",
        description="whose balances a dry run trades with: a paper wallet that its simulated trades change, or those "
        "of the chain, which nothing changes",
    )
    balances: Amounts = Field(
        {},
        description="what the paper wallet starts with (whole tokens, such as ETH=1,USDC=10000); if empty, what the "
        "wallet holds on the chain. A change starts a new one",
    )
