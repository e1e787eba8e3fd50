"""Messages to the operator: their events, rate and channel. No cycle ever waits for a message."""
