"""The process that holds the key: it checks, counts and signs requests. The daemon never loads it."""
