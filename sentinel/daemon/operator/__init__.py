"""What the operator may do to a running daemon: ask, pause, resume, reload, sell everything, stop."""
