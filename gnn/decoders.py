"""Embeddings to scores of links: one interface for every relation.

A decoder first joins a head with a relation: `queries`. What it then makes of a query and a tail is
`pairs` (row by row) or `against` (every query with every tail). Those of `DOT_PRODUCTS` are dot
products of query and tail, so that any exact or approximate search of nearest vectors ranks tails.

Complex numbers lie side by side: coordinates 2k and 2k + 1 are real and imaginary part of the k-th.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

BLOCK = 1 << 24  # numbers held at once by `MLP.against`; gradients hold all of them


class Decoder(nn.Module):
    """What every decoder answers; rows are float `[..., width]`."""

    def queries(self, head: Tensor, relation: Tensor | int = 0) -> Tensor:
        """Return head rows joined with their relation, `[num_rows, query_width]`."""
        raise NotImplementedError

    def pairs(self, query: Tensor, tail: Tensor) -> Tensor:
        """Return the score of each query with its own tail, `[num_rows]`."""
        raise NotImplementedError

    def against(self, query: Tensor, tails: Tensor) -> Tensor:
        """Return the scores of every query with every tail, `[num_queries, num_tails]`."""
        raise NotImplementedError

    def forward(self, head: Tensor, tail: Tensor, relation: Tensor | int = 0) -> Tensor:
        """Return the scores of given triples, `[num_triples]`."""
        return self.pairs(self.queries(head, relation), tail)


class _DotProduct(Decoder):
    def pairs(self, query: Tensor, tail: Tensor) -> Tensor:
        return (query * tail).sum(dim=-1)

    def against(self, query: Tensor, tails: Tensor) -> Tensor:
        scores: Tensor = query @ tails.T
        return scores


class _Distance(Decoder):
    def pairs(self, query: Tensor, tail: Tensor) -> Tensor:
        distance: Tensor = torch.linalg.vector_norm(query - tail, dim=-1)
        return -distance

    def against(self, query: Tensor, tails: Tensor) -> Tensor:
        return -torch.cdist(query, tails)


class DistMult(_DotProduct):
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


class ComplEx(_DotProduct):
    r"""score(head, r, tail) = Re(\sum_k head_k r_k \overline{tail_k}) (Trouillon et al. 2016).

    Unlike DistMult it can tell a relation from its reverse. Relations begin at 1, the dot product.

    Args:
        num_relations: rows of relation vectors.
        width: of the embeddings, two for each complex number.
    """

    def __init__(self, num_relations: int, width: int) -> None:
        super().__init__()
        relation = torch.tensor([1.0, 0.0]).repeat(num_relations, _complex_numbers(width))
        self.relation = nn.Parameter(relation)

    def queries(self, head: Tensor, relation: Tensor | int = 0) -> Tensor:
        """Return head rows times their relation: dot products with tails are scores."""
        r = self.relation[relation]
        return _times(head, r[..., 0::2], r[..., 1::2])


class RotatE(_Distance):
    r"""score(head, r, tail) = -\|head \circ r - tail\|_2 with |r_k| = 1 (Sun et al. 2019).

    A relation is a rotation of each complex number, so that it can be symmetric, inverse to or
    composed of others. The norm is over all coordinates together, as in PyG and PyKEEN; the
    paper's margin is the same for all scores and left out. Angles begin at 0.

    Args:
        num_relations: rows of relation angles.
        width: of the embeddings, two for each complex number.
    """

    def __init__(self, num_relations: int, width: int) -> None:
        super().__init__()
        self.angle = nn.Parameter(torch.zeros(num_relations, _complex_numbers(width)))

    def queries(self, head: Tensor, relation: Tensor | int = 0) -> Tensor:
        """Return rotated head rows: minus their distances to tails are scores."""
        angle = self.angle[relation]
        return _times(head, angle.cos(), angle.sin())


class TransE(_Distance):
    r"""score(head, r, tail) = -\|head + r - tail\|_2 (Bordes et al. 2013).

    Entities are not scaled to length 1: among scores from -2 to 0 a softmax could prefer nobody.
    Relations begin at 0.

    Args:
        num_relations: rows of relation vectors.
        width: of the embeddings.
    """

    def __init__(self, num_relations: int, width: int) -> None:
        super().__init__()
        self.relation = nn.Parameter(torch.zeros(num_relations, width))

    def queries(self, head: Tensor, relation: Tensor | int = 0) -> Tensor:
        """Return moved head rows: minus their distances to tails are scores."""
        return head + self.relation[relation]


class MLP(Decoder):
    r"""score(head, r, tail) = v^\top \mathrm{relu}(A\,head + b_r + B\,tail) (compare ER-MLP).

    A network with one hidden layer over head, relation and tail (Dong et al. 2014). It scores
    pair by pair: `against` costs `hidden` times as much as a dot product of that width.

    Args:
        num_relations: rows of relation vectors.
        width: of the embeddings.
        hidden: units.
    """

    def __init__(self, num_relations: int, width: int, hidden: int = 64) -> None:
        super().__init__()
        self.head = nn.Linear(width, hidden, bias=False)
        self.tail = nn.Linear(width, hidden, bias=False)
        self.relation = nn.Parameter(torch.randn(num_relations, hidden) * 0.1)
        self.out = nn.Linear(hidden, 1, bias=False)

    def queries(self, head: Tensor, relation: Tensor | int = 0) -> Tensor:
        """Return what head and relation add to the hidden units."""
        projected: Tensor = self.head(head)
        return projected + self.relation[relation]

    def pairs(self, query: Tensor, tail: Tensor) -> Tensor:
        """Return the score of each query with its own tail."""
        score: Tensor = self.out(F.relu(query + self.tail(tail)))
        return score.squeeze(-1)

    def against(self, query: Tensor, tails: Tensor) -> Tensor:
        """Return the scores of every query with every tail, in blocks of queries."""
        hidden: Tensor = self.tail(tails)
        block = max(1, BLOCK // max(1, hidden.numel()))
        scores = [
            self.out(F.relu(rows[:, None] + hidden)).squeeze(-1)
            for rows in torch.split(query, block)
        ]
        return torch.cat(scores)


DOT_PRODUCTS = ("dot", "distmult", "complex")
COMPLEX = ("complex", "rotate")  # their width is even


def make_decoder(name: str, num_relations: int, width: int) -> Decoder:
    """Return the decoder of a name: `dot`, `distmult`, `complex`, `rotate`, `transe` or `mlp`.

    Raises:
        ValueError: the width is odd, and the decoder's numbers are complex.
    """
    if name in ("dot", "distmult"):
        return DistMult(num_relations, width, learned=name == "distmult")
    kinds = {"complex": ComplEx, "rotate": RotatE, "transe": TransE, "mlp": MLP}
    return kinds[name](num_relations, width)


def _complex_numbers(width: int) -> int:
    if width % 2:
        raise ValueError(f"the width must be even, two for each complex number, not {width}")
    return width // 2


def _times(rows: Tensor, real: Tensor, imaginary: Tensor) -> Tensor:
    """Multiply rows, taken as complex numbers, by others."""
    re, im = rows[..., 0::2], rows[..., 1::2]
    product = (re * real - im * imaginary, re * imaginary + im * real)
    return torch.stack(product, dim=-1).flatten(-2)
