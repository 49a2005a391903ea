"""RDF to triples, and triples to nodes, facts and edges."""
