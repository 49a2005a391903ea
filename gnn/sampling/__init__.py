"""Neighbours of many nodes at once, drawn by plain tensor operations."""
