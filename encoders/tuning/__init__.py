"""Language models adapted to the texts and the interactions of a graph."""
