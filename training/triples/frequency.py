"""The floor of link prediction: how often an entity is the answer, whoever is asked about."""

import numpy as np

from training.triples.ranks import IntArray, Score, both_ways


def frequency(train: IntArray, num_entities: int, num_relations: int) -> Score:
    """Score a tail by the training triples of the relation that have it, whatever their head."""
    questions = both_ways(train, num_relations)
    counts = np.zeros((2 * num_relations, num_entities), dtype=np.float32)
    np.add.at(counts, (questions[:, 1], questions[:, 2]), 1)

    def score(entity: IntArray, relation: IntArray) -> np.ndarray:
        return np.asarray(counts[relation])

    return score
