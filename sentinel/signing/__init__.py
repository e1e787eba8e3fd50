"""What may be signed, and how to ask for it. No key is here: `signing.process` alone holds it."""
