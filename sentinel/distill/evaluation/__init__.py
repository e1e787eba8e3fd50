"""How good a student is: held-out states, hostile inputs, paired comparison."""
