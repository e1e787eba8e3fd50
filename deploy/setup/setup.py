"""Set-up."""

from artifacts import fetch_all

fetch_all()
