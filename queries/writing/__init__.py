"""Generative recommendation: a short text for a user about what is recommended, and why."""
