"""A new student beside the live one, and in its place."""
