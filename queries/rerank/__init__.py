"""The best candidates, put in order by a language model."""
