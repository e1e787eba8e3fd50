"""The daemon's control of the signer process: starts it, and starts it again if it ends."""
