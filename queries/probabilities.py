"""Probabilities of answers: what a calibrated model promises of items of its target."""

from typing import Any

import numpy as np
import numpy.typing as npt

from kg.errors import InputError
from kg.graph import BoolArray, KnowledgeGraph
from kg.vocab import IntArray
from queries.second_stage import TargetRanking
from training.bundle import Bundle
from training.evaluation.split import Split

Probability = npt.NDArray[np.float64]


class Probabilities:
    """How likely users are to interact with items of the domain that a model was trained for.

    A model has probabilities for what its valid part asked for: of `item-cold` items without
    training interactions, of other protocols items with some. Those are scored and ranked among
    themselves, as they were there; of all others nothing is promised.

    Args:
        graph: the imported graph.
        bundle: the model.
        split: what was held out.
        ranking: of the target, where it was made already: its signals take time and memory.

    Raises:
        InputError: the model has no calibration, or no split says what its target is.
    """

    def __init__(
        self,
        graph: KnowledgeGraph,
        bundle: Bundle,
        split: Split | None,
        ranking: TargetRanking | None = None,
    ) -> None:
        if bundle.calibration is None or split is None:
            raise InputError(
                "this model has no probabilities: train it with evaluation.calibration = 'auto'"
            )
        self._calibration = bundle.calibration
        self._target, self._in_target = split.target, graph.item_mask(split.target)
        self.judged = self._in_target & _like_candidates(split)
        scorer = bundle.ranking_scorer(split) if ranking is None else ranking.scorer
        self._ranking = TargetRanking(scorer, self.judged)

    def check_domain(self, domain: str) -> None:
        """Refuse a domain that the model was not trained for.

        Raises:
            InputError: it is not the target.
        """
        if domain != self._target:
            raise InputError(
                f"this model has probabilities for {self._target!r} only, not for {domain!r}"
            )

    def check_items(self, items: IntArray) -> None:
        """Refuse items of other domains.

        Raises:
            InputError: an item is not in the target.
        """
        if not self._in_target[items].all():
            raise InputError(f"this model has probabilities for items of {self._target!r} only")

    def of_pairs(self, users: IntArray, items: IntArray, seen: Any) -> Probability:
        """Return the probability of each pair, float64 `[num_pairs]`; NaN where none is known.

        Args:
            users: rows.
            items: rows.
            seen: what every user knows, CSR `[num_users, num_items]`; ranks are among the rest of
                the items that have probabilities.
        """
        found = np.full(len(items), np.nan)
        known = self.judged[items]
        scores, ranks = self._ranking.ranked_pairs(users[known], items[known], seen)
        found[known] = self._calibration.probability(scores.astype(np.float64), ranks)
        return found


def _like_candidates(split: Split) -> BoolArray:
    """Return which items are like those that were ranked on valid, bool `[num_items]`."""
    train = split.train
    warm: BoolArray = np.zeros(len(train.items), dtype=np.bool_)
    warm[train.interaction_edges.dst] = True
    if split.protocol != "item-cold":
        return warm
    warm[split.cold_items] = False  # they may keep a few shots
    return ~warm
