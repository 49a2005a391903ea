"""Why an item: parts of the score, and the paths that carry it."""
