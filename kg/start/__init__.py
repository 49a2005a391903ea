"""A first mapping, written by looking at the files."""
