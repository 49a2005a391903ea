"""Embeddings of the light network as weighed sums of what metapaths bring."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from gnn.decoupled.paths import Path, Step, weigh, weights
from gnn.decoupled.terms import Terms
from gnn.layers import EdgeType
from gnn.model import Embeddings, TransferGNN

Views = Mapping[EdgeType, Tensor]


class Weighed:
    r"""The light network with inputs that stand still: :math:`z = \sum_m w_m \odot A_m h^0`.

    :math:`w_m` is the product of the gates along a metapath and of what the embedding mixes its hop
    with. Items add :math:`\sum_m w_m \odot N A_m h^0` over their text neighbours N, behind gates of
    theirs. Embeddings are those of `TransferGNN` with the same weights, to rounding (compare SGC,
    Wu et al. 2019, and SIGN, Frasca et al. 2020).

    Args:
        model: a network that `can_decouple`.
        terms: of its inputs.
    """

    def __init__(self, model: TransferGNN, terms: Terms) -> None:
        self._model, self._terms = model, terms

    def embed(self, wanted: Mapping[str, Tensor]) -> Embeddings:
        """Return embeddings of some nodes in the world that was carried last, with gradients.

        Args:
            wanted: rows by node type, int64; users and items are always there.
        """
        model, view = self._model, self._terms.view
        items, item_type = wanted[model.item_type], model.item_type
        views = {edge: self._view(edge, wanted[model.user_type]) for edge in model.interactions}
        z = {t: self._sum(self._to(t), rows, None, views) for t, rows in wanted.items()}
        cold = view.cold_items[items]
        for name in view.near:
            gate = model.near_gate(name, cold, model.part)
            z[item_type] = z[item_type] + gate * self._sum(self._to(item_type), items, name, {})
        bias = model.item_bias[items] * ~cold
        return Embeddings(z=z, item_bias=bias, domain_views=views)

    def _to(self, node_type: str) -> list[Path]:
        return [path for path in self._terms.paths if path.end == node_type]

    def _sum(self, paths: list[Path], rows: Tensor, near: str | None, views: Views) -> Tensor:
        """Return the weighed sum of what metapaths bring; first hops to users are in `views`."""
        known = {(Step(edge, reverse=True),): rows for edge, rows in views.items()}
        others = [
            path for path in paths if path.steps not in known and self._terms.brings(path, near)
        ]
        weighed = weights(self._model, others) if others else None
        total = self._weighed(others, rows, near, weighed)
        # in the order of paths: that of a set differs between processes, and so would the sum
        for steps in dict.fromkeys(path.steps for path in paths if path.steps in known):
            mix = self._model.mix[self._model.names[self._model.user_type]][1]
            total = total + known[steps] * mix[self._model.part]
        return total

    def _view(self, edge: EdgeType, users: Tensor) -> Tensor:
        """Return users as a domain alone shows them: their first-hop message."""
        paths = [
            path
            for path in self._terms.paths
            if path.steps == (Step(edge, reverse=True),) and self._terms.brings(path, None)
        ]
        gates = [weigh(self._model, path) for path in paths]
        weighed = torch.stack(gates)[:, self._model.part] if gates else None
        return self._weighed(paths, users, None, weighed)

    def _weighed(
        self, paths: list[Path], rows: Tensor, near: str | None, weighed: Tensor | None
    ) -> Tensor:
        if weighed is None:
            return torch.zeros(len(rows), self._terms.width, device=rows.device)

        def gather(number: int) -> Tensor:
            return self._terms.rows(paths[number], near, rows)

        out: Tensor = _WeighedSum.apply(gather, weighed)  # type: ignore[no-untyped-call]
        return out


class _WeighedSum(torch.autograd.Function):
    """A sum of constant rows times weights that learn; rows are read again for the gradient."""

    @staticmethod
    def forward(ctx: Any, gather: Callable[[int], Tensor], weighed: Tensor) -> Tensor:
        ctx.gather, ctx.number = gather, len(weighed)
        total = gather(0) * weighed[0]
        for number in range(1, len(weighed)):
            total.addcmul_(gather(number), weighed[number])
        return total

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[None, Tensor]:
        sums = [(ctx.gather(number) * grads[0]).sum(dim=0) for number in range(ctx.number)]
        return None, torch.stack(sums)
