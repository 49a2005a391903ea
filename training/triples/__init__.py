"""Link prediction on the knowledge graph alone: which triples are missing."""
