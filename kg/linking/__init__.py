"""Which nodes name one thing: links by files, identifiers, names and vectors, and what they do."""
