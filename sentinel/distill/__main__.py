"""`python -m sentinel.distill student`: the recipe from the command line."""

from sentinel.distill.cli import app

app()
