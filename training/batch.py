"""What one step draws, and the embeddings of it by the rows of the graph."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from gnn.model import Embeddings
from gnn.views import EdgeType
from training.negatives import Negatives


@dataclass(frozen=True, kw_only=True, eq=False)
class Contest:
    """Positives that compete with the same negatives.

    Attributes:
        chosen: which interactions of the batch, bool `[batch]`.
        negatives: items.
    """

    chosen: Tensor
    negatives: Negatives


@dataclass(frozen=True, kw_only=True, eq=False)
class Triples:
    """Triples of one relation of the knowledge graph.

    Attributes:
        edge_type: the relation.
        index: its row in the decoder.
        head: rows, int64 `[num_triples]`.
        tail: rows, int64 `[num_triples]`.
        negatives: tails to compete with.
    """

    edge_type: EdgeType
    index: int
    head: Tensor
    tail: Tensor
    negatives: Negatives


@dataclass(frozen=True, kw_only=True, eq=False)
class Batch:
    """Everything that a step draws, as rows of the graph.

    Attributes:
        users: of the interactions, int64 `[batch]`.
        items: of the same.
        contests: negatives, for each kind of positive.
        aligned: rows of either side by node type; empty where nothing is aligned.
        triples: by relation; empty without a loss on them.
    """

    users: Tensor
    items: Tensor
    contests: list[Contest]
    aligned: Mapping[str, tuple[Tensor, Tensor]]
    triples: list[Triples]

    def wanted(self, user_type: str, item_type: str) -> dict[str, Tensor]:
        """Return the rows that need an embedding by node type, ascending and each once."""
        asked = {
            user_type: [self.users],
            item_type: [self.items, *(contest.negatives.items for contest in self.contests)],
        }
        for node_type, rows in self.aligned.items():
            asked.setdefault(node_type, []).extend(rows)
        for triples in self.triples:
            (src, _, dst), tails = triples.edge_type, [triples.tail, triples.negatives.items]
            asked.setdefault(src, []).append(triples.head)
            asked.setdefault(dst, []).extend(tails)
        return {node_type: torch.unique(torch.cat(rows)) for node_type, rows in asked.items()}

    def answers(self, interactions: Sequence[EdgeType]) -> dict[EdgeType, tuple[Tensor, Tensor]]:
        """Return the edges to be predicted, by relation; interactions are named in every domain."""
        asked = dict.fromkeys(interactions, (self.users, self.items))
        return asked | {each.edge_type: (each.head, each.tail) for each in self.triples}


class Embedded:
    """Embeddings of some nodes, asked for by their rows in the graph; all float32.

    Args:
        wanted: rows by node type, ascending and each once.
        embeddings: of these, in their order.
    """

    def __init__(self, wanted: Mapping[str, Tensor], embeddings: Embeddings) -> None:
        self._wanted = wanted
        self._z = {node_type: rows.float() for node_type, rows in embeddings.z.items()}
        self._bias, self._views = embeddings.item_bias.float(), embeddings.domain_views

    def z(self, node_type: str, rows: Tensor) -> Tensor:
        """Return embeddings, `[len(rows), width]`."""
        return self._z[node_type].index_select(0, self._places(node_type, rows))

    def bias(self, item_type: str, items: Tensor) -> Tensor:
        """Return biases of items, `[len(items)]`."""
        return self._bias.index_select(0, self._places(item_type, items))

    def view(self, edge_types: list[EdgeType], users: Tensor) -> Tensor:
        """Return users as some domains together show them, `[len(users), width]`."""
        places = self._places(edge_types[0][0], users)
        views = [self._views[edge_type].index_select(0, places).float() for edge_type in edge_types]
        return torch.stack(views).sum(0)

    def _places(self, node_type: str, rows: Tensor) -> Tensor:
        return torch.searchsorted(self._wanted[node_type], rows)
