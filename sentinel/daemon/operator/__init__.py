"""The operator's control of a running daemon: status, pause, resume, reload, flatten, stop."""
