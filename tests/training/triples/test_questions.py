import numpy as np
import torch

from training.triples.questions import Questions
from training.triples.ranks import both_ways


def test_questions_and_their_answers_are_the_triples_both_ways():
    draws = np.random.default_rng(0)
    triples = np.unique(draws.integers(5, size=(40, 3)), axis=0)
    questions = Questions.of(draws.permutation(triples), 5)
    rows = torch.randperm(len(questions), generator=torch.Generator().manual_seed(0))

    position, answer = questions.answers(rows)

    asked = torch.stack(
        [questions.entity[rows][position], questions.relation[rows][position], answer]
    )
    np.testing.assert_array_equal(
        np.unique(asked.T.numpy(), axis=0), np.unique(both_ways(triples, 5), axis=0)
    )
    assert len(answer) == 2 * len(triples)
    pairs = torch.stack([questions.entity, questions.relation], dim=1)
    assert len(torch.unique(pairs, dim=0)) == len(questions)
