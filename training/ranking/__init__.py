"""The second stage: what many simple scorers say of a pair, weighed on simulated cold starts."""
