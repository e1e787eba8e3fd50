"""Collection: a teacher reads orders and writes their programs; what is right is selected for training."""
