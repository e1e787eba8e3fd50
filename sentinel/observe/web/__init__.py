"""The read-only web side of the daemon: status page, metrics and health on one loopback port."""
