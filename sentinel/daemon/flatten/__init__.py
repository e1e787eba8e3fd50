"""`stop --flatten`: everything is sold for the quote token, then the daemon stops."""
