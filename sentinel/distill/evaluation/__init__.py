"""Evaluation of students: held-out states, hostile inputs, paired comparison."""
