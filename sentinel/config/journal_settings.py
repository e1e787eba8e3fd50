"""The settings of the journal: SENTINEL_JOURNAL__..."""

from __future__ import annotations

from pydantic import Field

from sentinel.config.group import SettingsGroup


class JournalSettings(SettingsGroup):
    keep_holds_days: int | None = Field(
        None,
        ge=1,
        le=36_500,
        description="days for which the content of cycles that held is kept; if empty, for ever. Their lines, every "
        "trade and the hash chain are always kept",
    )
    verify_hours: float = Field(
        6.0,
        ge=0.01,
        le=8_760,
        description="hours between two checks of the whole journal by a running daemon; the first is at its start",
    )
