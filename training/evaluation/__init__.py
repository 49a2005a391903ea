"""Honest evaluation: splits, metrics, intervals, reports."""
