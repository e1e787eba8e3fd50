"""What the daemon's pages show: read from the journal by a connection of its own, in a thread of its own."""
