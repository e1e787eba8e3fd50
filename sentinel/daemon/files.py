"""Names of the files in the state directory that several parts know."""

JOURNAL = "journal.sqlite3"
MEMORY = "memory.sqlite3"  # it may be deleted
