"""Trained model to answers: recommend, score, similar, explain."""
