"""Vectors on disk by content."""
