"""Settings of the reading of orders in words."""

from __future__ import annotations

from pydantic import Field, model_validator

from sentinel.config.group import SettingsGroup


class ReadingSettings(SettingsGroup):
    samples: int = Field(16, ge=1, le=64, description="number of readings that are drawn of an order in words")
    temperature: float = Field(0.7, ge=0, le=2, description="sampling temperature of readings")
    top_p: float = Field(0.95, gt=0, le=1, description="probability mass of nucleus sampling (0 to 1)")
    max_tokens: int = Field(320, ge=16, le=4_096, description="largest length of a reading (tokens)")
    timeout: float = Field(60.0, gt=0, le=600, description="timeout of all readings of an order (seconds)")
    min_agreement: float = Field(
        0.5,
        gt=0,
        le=1,
        description="share of the readings drawn that must mean the same, or Sentinel asks what is meant "
        "(0 to 1); the default is not calibrated yet",
    )

    @model_validator(mode="after")
    def _greedy_is_single(self) -> ReadingSettings:
        if self.temperature == 0 and self.samples > 1:
            raise ValueError("temperature 0 gives equal readings: set samples to 1, or temperature above 0")
        return self
