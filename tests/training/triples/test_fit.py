import numpy as np
import pytest
import torch

from kg.errors import InputError
from training.triples.config import TripleConfig
from training.triples.facts import TripleSplit
from training.triples.fit import fit_triples
from training.triples.frequency import frequency
from training.triples.ranks import filtered_ranks, link_metrics

SIZE, RELATIONS = 60, 2


@pytest.fixture(scope="module")
def split():
    """Families of six: `kin` links members of one, `boss` each member to the first of the next."""
    family = np.arange(SIZE) // 6
    kin = [(a, 0, b) for a in range(SIZE) for b in range(SIZE) if a != b and family[a] == family[b]]
    boss = [(a, 1, (family[a] + 1) % 10 * 6) for a in range(SIZE)]
    rows = np.random.default_rng(0).permutation(np.array(kin + boss))
    return TripleSplit(test=rows[:40], valid=rows[40:60], train=rows[60:])


def _mrr(score, split):
    known = np.concatenate([split.train, split.valid, split.test])
    ranks = filtered_ranks(score, split.test, known, num_entities=SIZE, num_relations=RELATIONS)
    return link_metrics(ranks)["MRR"]


def _config(decoder, **settings):
    small = {"width": 16, "batch_size": 64, "negatives": 40, "epochs": 40, "patience": 40}
    if decoder in ("rotate", "transe", "mlp"):
        small["start"] = 0.3
    return TripleConfig(decoder=decoder, **{**small, **settings})


@pytest.mark.parametrize("decoder", ["distmult", "complex", "rotate", "transe", "mlp"])
def test_every_decoder_learns_far_more_than_chance_and_than_counts(split, decoder):
    model = fit_triples(split, SIZE, RELATIONS, _config(decoder))

    chance = np.mean(1 / np.arange(1, SIZE + 1))
    assert _mrr(model.scorer(), split) > max(5 * chance, 0.4)
    assert _mrr(model.scorer(), split) > 1.5 * _mrr(frequency(split.train, SIZE, RELATIONS), split)
    assert len(model.history) == 40


def test_held_out_triples_are_not_learned_from(split):
    settings = _config("complex", epochs=2)
    blind = TripleSplit(train=split.train, valid=split.valid, test=split.test[:0])

    first, second = (fit_triples(part, SIZE, RELATIONS, settings) for part in (split, blind))

    assert torch.equal(first.entities, second.entities)


def test_one_seed_gives_one_result(split):
    runs = []
    for seed in (0, 0, 1):
        torch.rand(3)  # the global generator has no say
        config = _config("complex", epochs=2, seed=seed)
        runs.append(fit_triples(split, SIZE, RELATIONS, config).entities)

    assert torch.equal(runs[0], runs[1])
    assert not torch.equal(runs[0], runs[2])


def test_it_stops_when_valid_does_not_improve(split):
    model = fit_triples(split, SIZE, RELATIONS, _config("complex", epochs=200, patience=2))

    assert len(model.history) < 200
    assert np.argmax(model.history) == len(model.history) - 3


def test_a_loss_that_is_not_finite_stops_with_one_line(split):
    with pytest.raises(InputError, match="lower the learning rate"):
        fit_triples(split, SIZE, RELATIONS, _config("complex", learning_rate=1e30))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"width": 5}, "even"),
        ({"epochs": 0}, "epochs = 0: must be 1 or more"),
        ({"n3": -1.0}, "n3 = -1.0: must be 0 or more"),
        ({"learning_rate": float("nan")}, "learning_rate"),
    ],
)
def test_settings_are_checked(settings, said):
    with pytest.raises(ValueError, match=said):
        TripleConfig(**settings)
