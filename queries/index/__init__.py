"""Approximate search among very many vectors, measured against exact search."""
