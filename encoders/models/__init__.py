"""Texts to vectors, by language models and others."""
