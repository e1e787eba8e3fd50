"""The journal: hash-chained records by one writer, committed before anything is sent."""

from sentinel.journal.journal import Journal

__all__ = ["Journal"]
