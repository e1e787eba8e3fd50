"""The venues, one file each. A new venue is one file and one line in `registry.py`."""
