"""What the agent may remember: past market windows by likeness, and own confirmed trades. The journal is the truth."""

from sentinel.agent.memory.memory import Memory

__all__ = ["Memory"]
