"""The graph for other tools: files that they read, and libraries' own graphs."""
