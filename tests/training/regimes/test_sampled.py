import pytest
import torch

from gnn.convolutions.base import CONVOLUTIONS
from training import loop
from training.fit import fit
from training.prepare import prepare
from training.seed import generator

CPU = torch.device("cpu")
ALL = {"fan_out": (1_000,)}
CLOSE = {"rtol": 1e-4, "atol": 1e-5}


@pytest.fixture
def make(make_job, split, features, tmp_path):
    def factory(regime="sampled", split=split, **settings):
        job = make_job(regime=regime, **settings)
        return prepare(job, split, features, CPU, scratch=tmp_path)

    return factory


@pytest.fixture
def train(make_job, make, split, tmp_path):
    """Fit by a regime, files in a folder called `name`."""

    def run(name, regime="sampled", **settings):
        return fit(
            make_job(regime=regime, **settings),
            split,
            make(regime, **settings),
            checkpoints=tmp_path / name / "checkpoints",
            metrics=tmp_path / name / "metrics.jsonl",
            fingerprint="this job",
        )

    return run


@pytest.mark.parametrize("convolution", CONVOLUTIONS)
def test_with_all_neighbours_losses_and_gradients_are_those_of_full_propagation(make, convolution):
    """Of answers that the world hides: others would be left out of its edges."""
    settings = {"simulated_share": 1.0, "knowledge_weight": 0.0, **ALL}
    settings["model"] = {"convolution": convolution}
    sampled, full = make(**settings), make("full", **settings)
    for objective in (sampled, full):
        draws = torch.Generator().manual_seed(0)
        with torch.no_grad():
            for parameter in objective.model.parameters():
                parameter.add_(torch.randn(parameter.shape, generator=draws) * 0.1)
        world = objective.simulate(generator(0, "world"))
        losses = objective(world, 32, generator(0, "batch"))
        losses["loss"].backward()
        objective.losses = losses

    for name, value in full.losses.items():
        torch.testing.assert_close(sampled.losses[name], value, **CLOSE)
    learned = 0
    for (name, one), other in zip(sampled.named_parameters(), full.parameters(), strict=True):
        if other.grad is not None and other.grad.any():
            torch.testing.assert_close(one.grad, other.grad, rtol=1e-3, atol=1e-5, msg=name)
            learned += 1
    assert learned > 4


def test_all_embeddings_are_those_of_full_propagation(make):
    sampled, full = make(), make("full")

    one, other = sampled.embed(), full.embed()

    for node_type, rows in other.z.items():
        torch.testing.assert_close(one.z[node_type], rows, **CLOSE)
    torch.testing.assert_close(one.item_bias, other.item_bias)
    for edge, rows in other.domain_views.items():
        torch.testing.assert_close(one.domain_views[edge], rows, **CLOSE)


def test_what_a_world_hides_does_not_reach_its_embeddings(make, split):
    objective = make(**ALL)
    world = objective.simulate(generator(0, "world"))
    lonely = int(torch.nonzero(world.cold_users)[0])
    wanted = {"user": torch.tensor([lonely]), "item": torch.arange(len(split.train.items))}

    def embed():
        draws = generator(0, "draws")
        return objective.regime.embed(world, wanted, {}, draws).z["user"].detach()

    before, films = embed(), torch.from_numpy(split.train.item_mask("films"))
    with torch.no_grad():  # a planted answer: films that would be seen from afar
        objective.model.inputs["of_item"].residual[films] += 100
    nobody = objective.regime.embed_all().z["user"][lonely]

    torch.testing.assert_close(before, embed())
    assert float((nobody - before[0]).abs().max()) > 1


def test_a_step_does_not_see_what_it_is_to_predict(make, monkeypatch):
    """With every interaction in the batch nobody has anything left: all users are the same."""
    for regime, answers_are_seen in (("sampled", False), ("full", True)):
        objective = make(regime, simulate_users=0.0, knowledge_weight=0.0, **ALL)
        found, embed = [], objective.regime.embed
        monkeypatch.setattr(
            objective.regime,
            "embed",
            lambda *args, do=embed, to=found: to.append(do(*args)) or to[0],
        )

        draws = generator(0, "draws")
        objective(objective.simulate(draws), 20 * objective.num_interactions, draws)

        assert bool(found[0].z["user"].any()) == answers_are_seen
        assert all(bool(v.any()) == answers_are_seen for v in found[0].domain_views.values())


def test_triples_to_predict_are_left_out_too(make, split):
    objective, genre = make(**ALL), ("item", "genre", "genre")
    edges = split.train.edges[genre]
    world = objective.simulate(generator(0, "world"))
    wanted = {"user": torch.arange(2), "item": torch.arange(3), "genre": torch.arange(2)}
    all_of_them = {genre: (torch.tensor(edges.src), torch.tensor(edges.dst))}

    def embed(answers):
        draws = generator(0, "draws")
        return objective.regime.embed(world, wanted, answers, draws).z["genre"].detach()

    seen, unseen = embed({}), embed(all_of_them)
    with torch.no_grad():
        objective.model.inputs["of_item"].residual += 1

    assert not torch.allclose(embed({}), seen)
    assert torch.equal(embed(all_of_them), unseen)


def test_neighbours_are_drawn_anew_by_the_generator_of_the_step(make):
    objective = make(fan_out=(2, 1))
    draws = generator(0, "draws")
    world = objective.simulate(draws)
    wanted = {"user": torch.arange(20), "item": torch.arange(20)}
    state = draws.get_state()

    one = objective.regime.embed(world, wanted, {}, draws).z["user"]
    other = objective.regime.embed(world, wanted, {}, draws).z["user"]
    draws.set_state(state)
    torch.manual_seed(1)
    again = objective.regime.embed(world, wanted, {}, draws).z["user"]

    assert torch.equal(one, again)
    assert not torch.equal(one, other)


def test_training_ends_near_that_of_full_propagation(train):
    settings = {"epochs": 6, "learning_rate": 0.05, "spectral_start": False, "fan_out": (3, 2)}

    sampled, full = train("sampled", **settings), train("full", "full", **settings)

    losses = [record["loss_interaction"] for record in sampled.history[1:]]
    start, end, other = (
        fitted.history[epoch]["valid"]["NDCG@10"]
        for fitted, epoch in ((sampled, 0), (sampled, -1), (full, -1))
    )
    assert losses[-1] < 0.9 * losses[0]
    assert start < end - 0.1
    assert end == pytest.approx(other, abs=0.1)


def test_a_resumed_run_equals_an_uninterrupted_one(train, monkeypatch):
    settings = {"epochs": 2, "fan_out": (3, 2)}
    whole = train("whole", **settings)
    step, taken = loop.train_step, 0

    def crash(*arguments, **more):
        nonlocal taken
        taken += 1
        if taken == 27:
            raise KeyboardInterrupt
        return step(*arguments, **more)

    monkeypatch.setattr(loop, "train_step", crash)
    with pytest.raises(KeyboardInterrupt):
        train("cut", **settings)
    monkeypatch.setattr(loop, "train_step", step)
    resumed = train("cut", **settings)

    for name, weights in whole.weights.items():
        assert torch.equal(weights, resumed.weights[name]), name
    for node_type, rows in whole.final.z.items():
        assert torch.equal(rows, resumed.final.z[node_type])


@pytest.mark.parametrize("fan_out", [(), (0,), (5, -1)])
def test_fan_outs_that_are_none_are_refused(make_job, fan_out):
    with pytest.raises(ValueError, match="fan_out"):
        make_job(fan_out=fan_out)
