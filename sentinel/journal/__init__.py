"""The durable record: hash-chained, one writer, written before anything is sent."""

from sentinel.journal.journal import Journal

__all__ = ["Journal"]
