"""Why a user is given an item: the parts of the score, traced to paths."""

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from kg.errors import InputError
from kg.graph import FloatArray, KnowledgeGraph
from kg.vocab import IntArray
from queries.explaining.explanation import POPULARITY, Explanation, Part, Through
from queries.explaining.naming import Naming
from queries.explaining.network import divide_network
from queries.explaining.parts import ANY, NETWORK, Weighed, weigh
from queries.explaining.path import Path
from queries.explaining.strands import Strands, Values, row_of
from queries.explaining.threads import Threads, gather
from queries.explaining.tracing import Tracer
from queries.second_stage import TargetRanking
from training.bundle import Bundle
from training.ranking.second_stage import TwoStageScorer

if TYPE_CHECKING:
    from queries.newcomers.second_stage import GrownSignals

Divided = Mapping[str, list[Strands]]  # signals by name
FAINT = 1e-5  # a signal that is so small beside its strands is rounding


class Explainer:
    """Divides scores of one model.

    Args:
        graph: the training graph.
        bundle: the model.
        ranking: its second stage, None where it has none.
    """

    def __init__(
        self, graph: KnowledgeGraph, bundle: Bundle, ranking: TargetRanking | None
    ) -> None:
        self._graph, self._bundle, self._ranking = graph, bundle, ranking
        self._naming = Naming(graph)
        self._last: tuple[IntArray, FloatArray] | None = None
        edges = graph.interaction_edges
        self._used = sparse.csr_array(
            (edges.weight, (edges.src, edges.dst)), shape=(len(graph.users), len(graph.items))
        )

    def explain(self, user: int, item: int, score: float, *, limit: int) -> Explanation:
        """Return why a user (a row) is given an item (a row) with a score.

        Args:
            user: who asks.
            item: what is explained.
            score: of the pair.
            limit: of paths.

        Raises:
            InputError: `limit` is not positive.
        """
        if limit < 1:
            raise InputError(f"limit = {limit}: expected at least 1")
        weighed, strands = self._stage(user, item)
        threads = gather(list(_scaled(weighed, strands)))
        traced = threads.of_part
        names = list(dict.fromkeys(one.part for one in weighed.values()))
        adds = {n: sum(w.adds for w in weighed.values() if w.part == n) for n in names}
        left = {name: adds[name] - traced.get(name, 0.0) for name in names}
        size = float(np.abs(threads.adds).sum() + sum(abs(value) for value in left.values()))
        size = max(size, 1e-12)
        anyway = sum(one.anyway for one in weighed.values())
        parts = [
            Part(
                name=name,
                contribution=adds[name],
                share=adds[name] / size,
                untraced=left[name],
                signals={k: (w.value, w.adds) for k, w in weighed.items() if w.part == name},
            )
            for name in sorted(names, key=lambda name: -abs(adds[name]))
        ]
        parts.append(Part(name=ANY, contribution=anyway, share=0.0, untraced=anyway, signals={}))
        order = np.argsort(-np.abs(threads.adds), kind="stable")
        listed = order[:limit]
        return Explanation(
            user=self._naming.user(user),
            item=self._naming.item(item),
            score=score,
            parts=tuple(parts),
            paths=tuple(self._paths(threads, listed, user, item, size)),
            num_paths=len(order),
            remaining=float(threads.adds[order[limit:]].sum()),
            history=self._through(threads.own, threads.adds, item, size),
            neighbours=self._through(*threads.standing, item, size),
            evidence=size,
            knows=bool(len(self._used_by(user))),
        )

    def _stage(self, user: int, item: int) -> tuple[dict[str, Weighed], Divided]:
        """Return what every signal adds, and strands of those that a history decides."""
        ranking = self._ranking
        if ranking is None or not ranking.in_target[item]:
            return self._first_stage(user, item)
        tracer = self._tracer
        # signals are scaled by the items that the model has learned from, whoever asks for whatever
        pool = np.flatnonzero(ranking.in_target[: len(tracer.world.text)])
        asked, place = pool, int(np.searchsorted(pool, item))
        if place == len(pool):
            asked = np.append(pool, item)
        said = self._learned.signals.said(np.array([user]), asked)
        weighed = weigh(self._learned.ranker, said, place, len(pool), tracer.facts.names)
        asker = tracer.asker(user, self._used_by(user))
        divided = dict(tracer.strands(asker, item))
        divided["network"] = [self._network(user, item, pool)]
        return weighed, divided

    def _first_stage(self, user: int, item: int) -> tuple[dict[str, Weighed], Divided]:
        graph, bundle = self._graph, self._bundle
        pool = (graph.items.domains & graph.items.domains[item]).any(axis=1)
        pool[item] = True
        network = bundle.z[graph.item_type] @ bundle.z[graph.user_type][user]
        found = {}
        for name, part, values in (
            ("network", NETWORK, network),
            ("bias", POPULARITY, bundle.item_bias),
        ):
            value, base = float(values[item]), float(values[pool].mean(dtype=np.float64))
            found[name] = Weighed(
                part=part, value=value, beyond=value - base, adds=value - base, anyway=base
            )
        return found, {"network": [self._network(user, item, np.flatnonzero(pool))]}

    def _network(self, user: int, item: int, pool: IntArray) -> Strands:
        users, items = (self._bundle.z[t] for t in (self._graph.user_type, self._graph.item_type))
        differs = items[item] - self._mean_of(pool, items)
        own = self._used_by(user)
        return divide_network(users[user], items, own[own != item], differs)

    def _mean_of(self, pool: IntArray, items: FloatArray) -> FloatArray:
        """Return the mean embedding of a pool, the last of which is kept."""
        if self._last is None or not np.array_equal(self._last[0], pool):
            self._last = pool, items[pool].mean(axis=0)
        return self._last[1]

    @cached_property
    def _tracer(self) -> Tracer:
        grown = self._grown
        new = grown.new if grown is not None and len(grown.new) else None
        return Tracer(self._learned.world, self._learned.signals.kept, new)

    @cached_property
    def _grown(self) -> "GrownSignals | None":
        """Signals of a model with newcomers."""
        from queries.newcomers.second_stage import GrownSignals

        signals: Any = None if self._ranking is None else self._learned.signals
        return signals if isinstance(signals, GrownSignals) else None

    def _used_by(self, user: int) -> IntArray:
        """Return rows of the items that a user used, or is taken to like."""
        if self._grown is not None and user >= self._grown.first_user:
            taken, _ = row_of(self._grown.used, user - self._grown.first_user)
            return np.union1d(taken, row_of(self._used, user)[0])
        return row_of(self._used, user)[0]

    @property
    def _learned(self) -> TwoStageScorer:
        assert self._ranking is not None
        assert isinstance(self._ranking.scorer, TwoStageScorer)
        return self._ranking.scorer

    def _paths(
        self, threads: Threads, listed: IntArray, user: int, item: int, size: float
    ) -> Iterator[Path]:
        edge_types = self._tracer.facts.edge_types if self._ranking is not None else {}
        used = frozenset(row_of(self._used, user)[0].tolist())
        for at in listed:
            yield self._naming.path(threads, int(at), user, item, size, edge_types, used)

    def _through(self, rows: IntArray, adds: Values, item: int, size: float) -> tuple[Through, ...]:
        """Return what adds up through each item, by size."""
        own, place = np.unique(rows, return_inverse=True)
        total = np.bincount(place, adds, minlength=len(own))
        cosine = self._cosines(own, item)
        return tuple(
            Through(
                node=self._naming.item(int(own[at])),
                contribution=float(total[at]),
                share=float(total[at]) / size,
                cosine=float(cosine[at]),
            )
            for at in np.argsort(-np.abs(total), kind="stable")
        )

    def _cosines(self, items: IntArray, item: int) -> Values:
        if self._ranking is None:
            return np.zeros(len(items))
        return self._tracer.texts.cosines(items, item)


def _scaled(weighed: dict[str, Weighed], divided: Divided) -> Iterator[tuple[str, Strands, Values]]:
    r"""Yield strands with their signal's part and what they add to the score.

    A strand adds to its signal, $x = \sum_h \varphi_h$. What the signal adds to the score is
    divided in the same proportion, which for the squashed term is its integral along the way from
    nothing to the whole: $\int_0^1 \varphi_h\, \mathrm{squash}'(t x)\, dt = \varphi_h\,
    \mathrm{squash}(x) / x$ (integrated gradients; Sundararajan, Taly and Yan 2017).
    """
    for name, strands in divided.items():
        if name not in weighed:
            continue
        one = weighed[name]
        size = sum(float(np.abs(some.adds).sum()) for some in strands)
        if abs(one.beyond) <= FAINT * size:
            continue
        for some in strands:
            yield one.part, some, some.adds * (one.adds / one.beyond)
