"""The learning curve of the reader: exact readings of held-out orders, by the number of rows trained on."""
