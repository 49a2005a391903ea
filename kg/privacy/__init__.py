"""Who people are stays outside the graph."""
