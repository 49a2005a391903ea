"""Training on several workers: one process each, on one machine or on many."""
