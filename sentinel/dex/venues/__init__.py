"""The venues. A new venue is one file and one line in `registry.py`."""
