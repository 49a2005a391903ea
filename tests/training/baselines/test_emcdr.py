from dataclasses import replace

import numpy as np
import pytest
import torch

from training.baselines import emcdr
from training.baselines.emcdr import EMCDR
from training.baselines.factor_training import Fitting
from training.baselines.factors import Interactions
from training.baselines.two_domains import TwoDomains, factorise


def test_users_of_both_are_the_overlap(random_task):
    task = random_task("user-cold")
    domains = factorise(task, Fitting(epochs=1), seed=0, width=4)
    edges, films = task.split.train.interaction_edges, task.split.train.item_mask("films")
    both = np.intersect1d(edges.src[films[edges.dst]], edges.src[~films[edges.dst]])
    assert domains.overlap.tolist() == both.tolist()
    assert not np.isin(task.split.cold_users, both).any()


def test_the_source_is_factorised_without_the_target(random_task):
    """What a user did in the target does not move the factors that are mapped."""
    task = random_task("warm")
    graph = task.split.train
    books = graph.item_mask("books")[graph.interaction_edges.dst]
    fewer = graph.with_edges({graph.interactions: graph.interaction_edges.take(books)})
    alone = replace(task, split=replace(task.split, train=fewer))
    found = [factorise(t, Fitting(epochs=2), seed=0, width=4) for t in (task, alone)]
    assert torch.equal(found[0].source, found[1].source)
    assert not torch.equal(found[0].target, found[1].target)


@pytest.mark.parametrize("mapping", ["linear", "mlp"])
def test_a_planted_rotation_is_found(random_task, monkeypatch, mapping):
    """Target vectors are the source's, rotated: cold users must get theirs."""
    task = random_task("user-cold")
    graph = task.split.train
    draws = torch.Generator().manual_seed(0)
    source = torch.randn(80, 4, generator=draws)
    rotation = torch.linalg.qr(torch.randn(4, 4, generator=draws)).Q
    items = torch.randn(50, 4, generator=draws)
    cold = torch.tensor(task.split.cold_users)
    rest = torch.tensor([user for user in range(80) if user not in cold])
    planted = TwoDomains(
        source_interactions=Interactions.of(task, [graph.item_mask("books")]),
        target_interactions=Interactions.of(task, [graph.item_mask("films")]),
        source=source,
        source_items=items,
        target=source @ rotation,
        items=items,
        bias=torch.zeros(50),
        overlap=rest,
    )
    monkeypatch.setattr(emcdr, "factorise", lambda *_, **__: planted)
    candidates = task.split.test.candidates
    scorer = EMCDR(task, mapping=mapping, width=4, map_epochs=300)
    found = scorer.score(task.split.cold_users, candidates)
    expected = (source[cold] @ rotation @ items[candidates].T).numpy()
    assert np.corrcoef(found.ravel(), expected.ravel())[0, 1] > 0.9
    warm = scorer.score(rest.numpy(), candidates)  # their own vectors, not the mapped ones
    own = source[rest] @ rotation @ items[candidates].T
    known = planted.target_interactions.known()[rest]
    np.testing.assert_allclose(warm[known], own.numpy()[known], rtol=1e-4, atol=1e-5)
