"""Trained model to answers: recommend, predict, similar, explain."""
