"""Embeddings to scores of links."""

import torch
from torch import Tensor, nn


class DistMult(nn.Module):
    r"""score(head, r, tail) = \sum_k head_k r_k tail_k (Yang et al. 2015).

    With `num_relations = 1` and the relation frozen at one this is the dot product.

    Args:
        num_relations: rows of relation vectors.
        width: of the embeddings.
        learned: False for the plain dot product.
    """

    def __init__(self, num_relations: int, width: int, learned: bool = True) -> None:
        super().__init__()
        self.relation = nn.Parameter(torch.ones(num_relations, width), requires_grad=learned)

    def queries(self, head: Tensor, relation: Tensor | int = 0) -> Tensor:
        """Return head rows times their relation: dot products with tails are scores."""
        return head * self.relation[relation]

    def forward(self, head: Tensor, tail: Tensor, relation: Tensor | int = 0) -> Tensor:
        """Return the scores of given triples, `[num_triples]`."""
        return (self.queries(head, relation) * tail).sum(dim=-1)
