"""The typed order: what it can say, as values that check themselves."""
