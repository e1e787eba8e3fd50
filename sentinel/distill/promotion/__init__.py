"""Promotion: a new student runs in shadow, is judged, and replaces the live one."""
