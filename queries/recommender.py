"""A trained model that answers: raw ids in, raw ids and scores out."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from kg.graph import FloatArray, KnowledgeGraph
from queries.answers import Ids, id_answers, node_type_of, rows_of_pairs, table_of, titles_of, width
from queries.engine import Engine
from queries.explaining.explanation import Explanation
from queries.filters import SEEN_LEFT_OUT, Filters, as_ids
from queries.opened import Opened, open_run
from queries.probabilities import Probability
from training.bundle import Bundle
from training.evaluation.split import Split

if TYPE_CHECKING:
    from queries.newcomers import Newcomers


class Recommender:
    """Answers of one trained model: `recommend`, `similar`, `score`, `explain`, `title`.

    A single id gives one-dimensional answers, a sequence of ids gives two-dimensional ones, always
    as a pair `(ids, scores)`, best first.

    Args:
        graph: the imported graph.
        bundle: the model that was trained on it.
        split: what was held out; None if the model was trained on the whole graph.
        device: None for NumPy, or a torch device such as `"cuda"`.

    Attributes:
        train: the graph without what was held out: what the model knows.
        engine: the same answers by row.
        opened: what it is made of.

    Raises:
        ArtefactError: the model has another shape than the graph, or holds NaN.
    """

    def __init__(
        self,
        graph: KnowledgeGraph,
        bundle: Bundle,
        *,
        split: Split | None = None,
        device: str | None = None,
    ) -> None:
        self.opened = Opened(graph=graph, bundle=bundle, split=split)
        self.engine = Engine(graph, bundle, split, device)
        self.graph = graph
        self.train = self.engine.train
        self.split = split

    @property
    def about(self) -> Mapping[str, Any]:
        """What is known of the model: job, protocol, versions."""
        return self.engine.bundle.about

    @classmethod
    def open(
        cls, run: Path | str, protocol: str | None = None, *, device: str | None = None
    ) -> "Recommender":
        """Open the model of a run.

        Args:
            run: the run folder.
            protocol: which of its models; the first one by default.
            device: None for NumPy, or a torch device such as `"cuda"`.

        Raises:
            ArtefactError: no such run or model, or one that is damaged.
            FingerprintError: the model was made with another graph.
            InputError: the run has no model of that protocol; names those it has.

        >>> recommender = Recommender.open("run")
        """
        return cls.of(open_run(Path(run), protocol), device=device)

    load = open

    @classmethod
    def of(cls, opened: Opened, *, device: str | None = None) -> "Recommender":
        """Return the recommender of an opened run, with its indexes and its prepared answers."""
        found = cls(opened.graph, opened.bundle, split=opened.split, device=device)
        found.opened = opened
        found.engine.indexes = opened.indexes
        found.engine.use(opened.prepared)
        return found

    def with_newcomers(self, newcomers: "Newcomers") -> "Recommender":
        """Return one that answers for nodes never seen too; of all others it says the same.

        Args:
            newcomers: nodes and what is known of them, such as `Newcomers.likes(["film:Ran"])`.

        Raises:
            UnknownIdError: an edge ends at a node that is neither there nor new.
            InputError: newcomers do not fit the graph; names file, line and id.
            ArtefactError: the run lacks what new nodes need.
        """
        from queries.newcomers import extend

        # Indexes stay: newcomers are searched beside them.
        return self.of(extend(self.opened, newcomers), device=self.engine.device)

    def recommend(
        self,
        user_ids: str | Sequence[str],
        *,
        domain: str,
        k: int = 10,
        filters: Filters = SEEN_LEFT_OUT,
    ) -> tuple[Ids, FloatArray]:
        """Return the k best items of a domain for one user or for many.

        Items of the domain that the model was trained for are ordered by its second stage, those of
        other domains by the embeddings. A user without any interaction gets what is popular.

        Args:
            user_ids: one id, or a sequence of ids.
            domain: where items are taken from.
            k: how many.
            filters: what is left out, and what reorders the rest.

        Returns:
            Ids and scores `[k]` for one user, shorter where fewer items are left; `[num_users, k]`
            for many, where missing ids are `""` with score `-inf`. No more columns than items.

        Raises:
            UnknownIdError: a user or item is unknown.
            InputError: unknown domain, `k` is not positive, or filters that cannot be met.

        >>> ids, scores = recommender.recommend("dan", domain="films", k=2)
        >>> print(*ids)
        f2 f3
        >>> recommender.recommend(["dan", "ada"], domain="films", k=2)[0].shape
        (2, 2)
        """
        users = self.graph.users.vocab.index(as_ids(user_ids))
        rows, scores = self.engine.recommend(users, domain, width(k, self.graph.items), filters)
        return id_answers(self.graph.items, rows, scores, single=isinstance(user_ids, str))

    def recommend_table(
        self,
        user_ids: str | Sequence[str],
        *,
        domain: str,
        k: int = 10,
        filters: Filters = SEEN_LEFT_OUT,
    ) -> pa.Table:
        """Return what `recommend` does, for the same arguments, as a table of one row an answer.

        Columns are user, rank (from 1), item, title, score and, where `has_probabilities`,
        probability, which is null for items that have none. `.to_pandas()` makes a data frame.

        >>> recommender.recommend_table("dan", domain="films", k=2).to_pandas()
          user  rank item           title     score
        0  dan     1   f2        Clueless  2.273074
        1  dan     2   f3  Dune: Part One  1.031852
        """
        users = self.graph.users.vocab.index(as_ids(user_ids))
        rows, scores = self.engine.recommend(users, domain, width(k, self.graph.items), filters)
        likely = self.engine.likely(users, rows) if self.has_probabilities(domain) else None
        return table_of(self.graph, users, rows, scores, likely)

    def similar(
        self,
        node_ids: str | Sequence[str],
        *,
        node_type: str | None = None,
        domain: str | None = None,
        k: int = 10,
    ) -> tuple[Ids, FloatArray]:
        """Return the nodes of the same type with the nearest embeddings, and their cosines.

        Nodes are items by default, and answers come from everywhere unless a domain is named. They
        are shaped as those of `recommend`. A node is never its own answer.

        Raises:
            UnknownIdError: a node is unknown.
            InputError: unknown node type or domain, or `k` is not positive.
        """
        node_type = node_type_of(self.graph, node_type)
        nodes = self.graph.nodes[node_type]
        rows = nodes.vocab.index(as_ids(node_ids))
        found, cosines = self.engine.similar(node_type, rows, domain, width(k, nodes))
        return id_answers(nodes, found, cosines, single=isinstance(node_ids, str))

    def score(self, user_ids: Sequence[str], item_ids: Sequence[str]) -> FloatArray:
        """Return the scores of pairs, float32 `[num_pairs]`: logits, as `recommend` gives them.

        Raises:
            UnknownIdError: a user or item is unknown.
            InputError: not as many users as items.
        """
        return self.engine.score(*rows_of_pairs(self.graph, user_ids, item_ids))

    def probability(self, user_ids: Sequence[str], item_ids: Sequence[str]) -> Probability:
        """Return how likely the user of each pair is to interact with its item, of the target.

        Returns:
            float64 `[num_pairs]`, from 0 to 1; NaN for items unlike those it was fitted on: of
            `item-cold` those with training interactions, of other protocols those without.

        Raises:
            UnknownIdError: a user or item is unknown.
            InputError: not as many users as items, an item of another domain, or no calibration.
        """
        users, items = rows_of_pairs(self.graph, user_ids, item_ids)
        self.engine.probabilities.check_items(items)
        return self.engine.likely_pairs(users, items)

    def explain(self, user_id: str, item_id: str, *, limit: int = 10) -> Explanation:
        """Return what the score of a pair is made of, and the `limit` paths that count most.

        Raises:
            UnknownIdError: the user or the item is unknown.
            InputError: `limit` is not positive.
        """
        users, items = rows_of_pairs(self.graph, [user_id], [item_id])
        score = float(self.engine.score(users, items)[0])
        return self.engine.explainer.explain(int(users[0]), int(items[0]), score, limit=limit)

    def nearest_seen(self, user_id: str, item_id: str) -> tuple[str, float] | None:
        """Return what the user has seen that is nearest to an item, and its cosine."""
        users, items = rows_of_pairs(self.graph, [user_id], [item_id])
        found = self.engine.nearest_seen(int(users[0]), int(items[0]))
        return None if found is None else (self.graph.items.vocab.id(found[0]), found[1])

    def title(self, node_id: str, node_type: str | None = None) -> str:
        """Return what people call a node, its id where that is unknown; an item by default."""
        return self.titles([node_id], node_type)[0]

    def titles(self, node_ids: Sequence[str], node_type: str | None = None) -> list[str]:
        """Return the titles of many nodes; `""` (padding) stays `""`."""
        return titles_of(self.graph.nodes[node_type_of(self.graph, node_type)], node_ids)

    def has_probabilities(self, domain: str) -> bool:
        """Return whether the model has probabilities for items of a domain."""
        return self.engine.calibrated and domain == self.engine.target

    @property
    def seen(self) -> Any:
        """What each user interacted with in training, by weight; CSR `[num_users, num_items]`."""
        return self.engine.seen
