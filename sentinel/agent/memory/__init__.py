"""What the agent may remember: past market windows by likeness, and own confirmed trades. The journal is the truth."""

from sentinel.agent.memory.journal_memory import JournalMemory

__all__ = ["JournalMemory"]
