"""The agent's memory: similar past market windows and its own confirmed trades, all derived from the journal."""

from sentinel.agent.memory.journal_memory import JournalMemory

__all__ = ["JournalMemory"]
