import numpy as np

from training.triples.frequency import frequency


def test_counts_are_by_relation_and_direction():
    train = np.array([[0, 0, 1], [2, 0, 1], [1, 1, 2]])

    scores = frequency(train, 3, 2)(np.array([2, 2, 0, 0]), np.array([0, 1, 2, 3]))

    assert scores.tolist() == [[0, 2, 0], [0, 0, 1], [1, 0, 1], [0, 1, 0]]
