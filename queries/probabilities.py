"""Probabilities of answers: what a calibrated model promises of items of its target."""

from typing import Any

import numpy as np
import numpy.typing as npt

from kg.errors import InputError
from kg.graph import KnowledgeGraph
from kg.vocab import IntArray
from queries.second_stage import TargetRanking
from training.bundle import Bundle
from training.evaluation.split import Split

Probability = npt.NDArray[np.float64]


class Probabilities:
    """How likely users are to interact with items of the domain that a model was trained for.

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
        self._target = split.target
        self._ranking = ranking or TargetRanking(
            bundle.ranking_scorer(split), graph.item_mask(split.target)
        )

    def check_domain(self, domain: str) -> None:
        """Refuse a domain that the model was not trained for.

        Raises:
            InputError: it is not the target.
        """
        if domain != self._target:
            raise InputError(
                f"this model has probabilities for {self._target!r} only, not for {domain!r}"
            )

    def of_pairs(self, users: IntArray, items: IntArray, seen: Any) -> Probability:
        """Return the probability of each pair, float64 `[num_pairs]`.

        Args:
            users: rows.
            items: rows.
            seen: what every user knows, CSR `[num_users, num_items]`; ranks are among the rest.

        Raises:
            InputError: an item is not in the target.
        """
        if not self._ranking.in_target[items].all():
            raise InputError(f"this model has probabilities for items of {self._target!r} only")
        scores, ranks = self._ranking.ranked_pairs(users, items, seen)
        return self._calibration.probability(scores.astype(np.float64), ranks)
