"""Nodes that a model has never seen: the same model on a larger graph."""

from queries.newcomers.extending import extend
from queries.newcomers.tables import Newcomers

__all__ = ["Newcomers", "extend"]
