"""Vectors and edges to embeddings and scores."""
