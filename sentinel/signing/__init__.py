"""What may be signed, and how a signature is requested. Only `signing.process` holds a key."""
