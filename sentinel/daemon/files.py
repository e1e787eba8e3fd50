"""Names of the files in the state directory that several parts use."""

JOURNAL = "journal.sqlite3"
MEMORY = "memory.sqlite3"  # may be deleted: it is filled again from the journal
