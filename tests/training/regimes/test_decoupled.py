import pytest
import torch

from training.fit import to_bundle
from training.prepare import prepare
from training.seed import generator
from training.step import train_step

CPU = torch.device("cpu")
CLOSE = {"rtol": 1e-4, "atol": 1e-5}


@pytest.fixture
def make(make_job, split, features, tmp_path):
    def factory(regime="decoupled", **settings):
        job = make_job(regime=regime, **settings)
        return prepare(job, split, features, CPU, scratch=tmp_path)

    return factory


def disturb(*objectives):
    """Move what learns away from its start, by the same in all."""
    for objective in objectives:
        draws = torch.Generator().manual_seed(0)
        still = {id(p) for p in objective.model.from_data()}
        with torch.no_grad():
            for parameter in objective.model.parameters():
                if id(parameter) not in still:
                    parameter.add_(torch.randn(parameter.shape, generator=draws) * 0.3)


def test_losses_and_gradients_are_those_of_full_propagation(make):
    decoupled, full = make(knowledge_weight=0.5), make("full", knowledge_weight=0.5)
    disturb(decoupled, full)
    world = generator(0, "world")
    losses = [
        objective(objective.simulate(world.manual_seed(1)), 32, generator(0, "batch"))
        for objective in (decoupled, full)
    ]
    for parts in losses:
        parts["loss"].backward()

    for name, value in losses[1].items():
        torch.testing.assert_close(losses[0][name], value, **CLOSE)
    others = dict(full.named_parameters())
    learned = [name for name, p in decoupled.named_parameters() if p.grad is not None]
    assert {"model.item_bias", "model.near_cold.near"} < set(learned)
    assert len(learned) > 8
    for name in learned:
        torch.testing.assert_close(
            decoupled.get_parameter(name).grad, others[name].grad, rtol=1e-3, atol=1e-5
        )


def test_all_embeddings_are_those_of_full_propagation(make):
    decoupled, full = make(), make("full")
    disturb(decoupled, full)

    one, other = decoupled.embed(), full.embed()

    for node_type, rows in other.z.items():
        torch.testing.assert_close(one.z[node_type], rows, **CLOSE)
    torch.testing.assert_close(one.item_bias, other.item_bias)
    for edge, rows in other.domain_views.items():
        torch.testing.assert_close(one.domain_views[edge], rows, **CLOSE)


def test_the_loss_falls_while_item_vectors_and_projections_stand_still(make):
    objective = make()
    with torch.no_grad():  # the start is as good as it gets, so that it begins somewhere else
        for gate in objective.model.convs.parameters():
            gate.fill_(-0.5)
    before = {name: p.clone() for name, p in objective.named_parameters()}
    optimizer = torch.optim.Adam(objective.parameters(), lr=0.02)
    draws = generator(0, "test")
    world = objective.simulate(draws)

    losses = [
        float(train_step(objective, optimizer, world, 64, draws)["loss_interaction"])
        for _ in range(30)
    ]

    assert sum(losses[-5:]) < 0.8 * sum(losses[:5])
    moved = {n for n, p in objective.named_parameters() if not torch.equal(p, before[n])}
    assert "model.inputs.of_item.residual" not in moved
    assert not any(".project." in name for name in moved)
    assert any(".gates." in name for name in moved)
    assert any(".mix." in name for name in moved)


def test_what_a_world_hides_does_not_reach_its_embeddings(make, split):
    objective = make()
    world = objective.simulate(generator(0, "world"))
    lonely = int(torch.nonzero(world.cold_users)[0])
    wanted = {"user": torch.tensor([lonely]), "item": torch.arange(len(split.train.items))}
    before = objective.regime.embed(world, wanted, {}, generator(0, "unused")).z["user"].detach()
    target = torch.from_numpy(split.train.item_mask("films"))

    with torch.no_grad():  # a planted answer: films that would be seen from afar
        objective.model.inputs["of_item"].residual[target] += 100
    after = objective.regime.embed(world, wanted, {}, generator(0, "unused")).z["user"].detach()
    nobody = objective.regime.embed_all().z["user"][lonely]

    torch.testing.assert_close(before, after)
    assert float((nobody - after[0]).abs().max()) > 1


def test_a_world_lasts_an_epoch_and_a_new_one_is_carried_anew(make):
    objective = make()
    draws = generator(0, "worlds")
    worlds = [objective.simulate(draws) for _ in range(2)]
    full = make("full")
    everybody = {"user": torch.arange(20), "item": torch.arange(20)}

    for world in (*worlds, worlds[0]):
        ours = objective.regime.embed(world, everybody, {}, draws)
        theirs = full.regime.embed(world, everybody, {}, draws)
        for node_type in everybody:
            torch.testing.assert_close(ours.z[node_type], theirs.z[node_type], **CLOSE)
    assert objective.world_steps > 10**9


def test_other_weights_are_carried_anew(make):
    objective, other = make(), make(seed=1)
    objective.embed()

    objective.load_state_dict(other.state_dict())

    torch.testing.assert_close(objective.embed().z["user"], other.embed().z["user"], **CLOSE)


def test_a_model_of_it_is_a_model_of_the_network(make, split):
    objective = make()
    embeddings = objective.embed()

    bundle = to_bundle(embeddings, objective.model)

    with torch.no_grad():
        plain = objective.model(objective.x, objective.graph.view())
    expected = objective.model.decoder.queries(plain.z["user"])
    torch.testing.assert_close(torch.from_numpy(bundle.z["user"]), expected, **CLOSE)
    assert set(bundle.weights) == set(make("full").model.state_dict())


def test_nothing_is_left_on_disk(make, tmp_path):
    objective = make()
    before = set(tmp_path.iterdir())
    draws = generator(0, "test")
    objective(objective.simulate(draws), 16, draws)
    objective.embed()

    assert set(tmp_path.iterdir()) == before
