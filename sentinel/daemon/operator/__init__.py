"""What the operator may do to a running daemon: read its status, pause, resume, reload, sell everything and stop."""
