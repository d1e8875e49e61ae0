"""Versions of the books' tables, forward and back."""
