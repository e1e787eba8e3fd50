"""The host machine: folders, child processes and unix sockets."""
