"""Which items are near each other in text."""
