"""`sentinel doctor`: checks everything that trading needs, and says what to do about each problem."""
