"""A trained run on a graph that has grown: the same weights, more nodes and edges."""
