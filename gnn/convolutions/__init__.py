"""One hop of the network, in several architectures behind one interface."""
