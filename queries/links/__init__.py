"""Questions about links of any relation: who or what, given one end; how likely, given both."""

from queries.links.predictor import LinkPredictor

__all__ = ["LinkPredictor"]
