"""A trained model behind HTTP: settings, limits, answers, metrics, and models that are swapped."""
