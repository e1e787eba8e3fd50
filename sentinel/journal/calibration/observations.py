"""Observations: acts with their agreement and whether they were right."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Observation:
    """A trade that was voted for and made."""

    id: str
    source: str  # who proposed it, such as "student:sentinel-student"
    votes: int
    asked: int
    spread_bps: int  # of the winning set
    right: bool
