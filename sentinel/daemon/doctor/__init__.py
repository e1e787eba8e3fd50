"""`sentinel doctor`: is everything there that trading needs, and how to mend what is not."""
