"""Tables of new nodes and new edges, added to a graph that a model was trained on."""
