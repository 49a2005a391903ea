"""The network on some of the nodes at a time: sampled neighbourhoods, and blocks of nodes."""
