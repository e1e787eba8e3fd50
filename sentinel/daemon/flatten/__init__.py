"""`stop --flatten`: sells every token for the quote token, then stops the daemon."""
