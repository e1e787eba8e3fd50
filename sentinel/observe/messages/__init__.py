"""Messages to people: what is told, how often, and the way there. Beside the cycles, which never wait for one."""
