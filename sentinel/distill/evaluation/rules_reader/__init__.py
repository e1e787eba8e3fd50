"""The rule-based reader: reads orders in words by rules alone, to measure students against."""

from __future__ import annotations

from sentinel.distill.evaluation.rules_reader.reader import read

__all__ = ["read"]
