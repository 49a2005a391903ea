"""How the embeddings that a step needs are made."""
