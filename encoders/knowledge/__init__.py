"""What texts say, as nodes of the graph."""
