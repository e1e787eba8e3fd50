"""Evaluation: labelled orders are read and traded by students, and by what these are measured against."""
