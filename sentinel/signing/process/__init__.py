"""The process that holds the key: checks what it is asked to sign, counts it, signs it. The daemon never loads it."""
