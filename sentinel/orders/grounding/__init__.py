"""Grounding: whether a reading says what stands in the operator's words."""
