"""From an intent to its settlement: sign, send, and follow on the chain. The key stays in the signer's process."""
