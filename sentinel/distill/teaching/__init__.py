"""Teachers: who reads orders and writes their programs, for a student to learn from."""
