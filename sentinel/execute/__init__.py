"""What is done on the chain: signing, sending, following to the end. Only `signer` ever sees a key."""
