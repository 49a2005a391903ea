import dataclasses

import pytest
import torch

from gnn.decoders import make_decoder
from training.prepare import prepare
from training.seed import generator
from training.step import train_step

CPU = torch.device("cpu")
LEARNING_RATE = 0.01


@pytest.fixture
def make_objective(make_job, split, features):
    return lambda **settings: prepare(make_job(**settings), split, features, CPU)


def test_two_training_steps_equal_two_adam_steps_written_by_hand(make_objective):
    objective = make_objective(alignment="adversarial")
    by_hand = make_objective(alignment="adversarial")
    draws, same_draws = generator(0, "test"), generator(0, "test")
    world, same_world = objective.simulate(draws), by_hand.simulate(same_draws)
    optimizer = torch.optim.Adam(objective.parameters(), lr=LEARNING_RATE)
    parameters = [p for p in by_hand.parameters() if p.requires_grad]
    first = [torch.zeros_like(p) for p in parameters]
    second = [torch.zeros_like(p) for p in parameters]

    for step in (1, 2):
        train_step(objective, optimizer, world, 16, draws)
        loss = by_hand(same_world, 16, same_draws)["loss"]
        gradients = torch.autograd.grad(loss, parameters, allow_unused=True)
        gradients = [torch.zeros(()) if g is None else g for g in gradients]
        norm = torch.stack([g.square().sum() for g in gradients]).sum().sqrt()
        with torch.no_grad():
            for p, g, m, v in zip(parameters, gradients, first, second, strict=True):
                g = g * min(1.0, 1 / (float(norm) + 1e-6))
                m.mul_(0.9).add_(0.1 * g)
                v.mul_(0.999).add_(0.001 * g * g)
                denominator = (v / (1 - 0.999**step)).sqrt() + 1e-8
                p.sub_(LEARNING_RATE * m / (1 - 0.9**step) / denominator)

    assert len(parameters) > 10
    named = dict(objective.named_parameters())
    for name, expected in by_hand.named_parameters():
        torch.testing.assert_close(named[name], expected, rtol=1e-3, atol=1e-4)


def test_gradients_do_not_accumulate(make_objective):
    objective, optimizer_lr = make_objective(), 0.0
    optimizer = torch.optim.SGD(objective.parameters(), lr=optimizer_lr)
    world = objective.simulate(generator(0, "world"))

    norms = []
    for _ in range(3):  # nothing moves, and the same is drawn
        train_step(objective, optimizer, world, 16, generator(0, "batch"))
        gradients = [p.grad for p in objective.parameters() if p.grad is not None]
        norms.append([g.clone() for g in gradients])

    for later in norms[1:]:
        assert all(torch.equal(one, two) for one, two in zip(norms[0], later, strict=True))


def test_the_loss_falls(make_objective):
    objective = make_objective(spectral_start=False)
    optimizer = torch.optim.Adam(objective.parameters(), lr=0.02)
    draws = generator(0, "test")

    values = []
    for _ in range(40):
        world = objective.simulate(draws)
        values.append(train_step(objective, optimizer, world, 64, draws)["loss_interaction"])

    assert sum(values[-5:]) < 0.8 * sum(values[:5])


def test_the_loss_is_the_weighted_sum_of_its_parts(make_objective):
    objective = make_objective(alignment_weight=0.5, knowledge_weight=0.25)

    draws = generator(0, "test")
    losses = objective(objective.simulate(draws), 16, draws)

    parts = {name: float(value.detach()) for name, value in losses.items()}
    assert set(parts) == {"loss", "loss_interaction", "loss_alignment", "loss_knowledge"}
    expected = (
        parts["loss_interaction"] + 0.5 * parts["loss_alignment"] + 0.25 * parts["loss_knowledge"]
    )
    assert parts["loss"] == pytest.approx(expected, rel=1e-5)
    assert min(parts.values()) > 0


@pytest.mark.parametrize(
    ("kind", "weights"), [("constant", [1, 1]), ("ramp", [0, 0.9866]), ("decay", [0.9999, 0.9866])]
)
def test_the_weight_of_alignment_follows_its_schedule(make_objective, kind, weights):
    objective = make_objective(alignment_schedule=kind, alignment_weight=2.0, knowledge_weight=0.0)

    for progress, weight in zip((0.0, 0.5), weights, strict=True):
        objective.progress = progress
        draws = generator(0, "test")
        losses = objective(objective.simulate(draws), 16, draws)
        parts = {name: float(value.detach()) for name, value in losses.items()}
        expected = parts["loss_interaction"] + 2 * weight * parts["loss_alignment"]
        assert parts["loss"] == pytest.approx(expected, rel=1e-4)


def test_parts_of_no_weight_are_left_out(make_objective):
    objective = make_objective(alignment="none", knowledge_weight=0.0)

    draws = generator(0, "test")
    losses = objective(objective.simulate(draws), 16, draws)

    assert set(losses) == {"loss", "loss_interaction"}


@pytest.mark.parametrize("kind", ["mmd", "coral", "sinkhorn", "adversarial", "contrastive"])
@pytest.mark.parametrize("loss", ["softmax", "bpr"])
def test_every_alignment_and_loss_is_finite_and_moves_the_network(make_objective, kind, loss):
    objective = make_objective(alignment=kind, loss=loss)
    draws = generator(0, "test")

    losses = objective(objective.simulate(draws), 32, draws)
    losses["loss_alignment"].backward(retain_graph=True)
    aligned = objective.model.inputs["of_item"].residual.grad.clone()
    losses["loss"].backward()

    assert bool(aligned.any())
    for name, parameter in objective.named_parameters():
        if parameter.grad is not None:
            assert bool(torch.isfinite(parameter.grad).all()), name


def test_only_the_protocol_in_question_is_simulated(make_job, split, features):
    hidden = {}
    for protocol in ("user-cold", "item-cold", "warm"):
        other = dataclasses.replace(split, protocol=protocol)
        objective = prepare(make_job(), other, features, CPU)
        world = objective.simulate(generator(0, "test"))
        hidden[protocol] = (bool(world.hidden.any()), bool(world.cold_items.any()))

    assert hidden == {
        "user-cold": (True, False),
        "item-cold": (True, True),
        "warm": (False, False),
    }


def test_simulated_edges_are_the_promised_share_of_a_batch(make_objective):
    objective = make_objective(simulated_share=0.25)
    draws = generator(0, "test")
    world = objective.simulate(draws)

    rows = objective._batch(world, 40, draws)

    assert len(rows) == 40
    assert int(world.hidden[rows].sum()) == 10


def test_embedding_leaves_no_gradients_and_nobody_plays_cold(make_objective):
    objective = make_objective()

    embeddings = objective.embed()

    assert not any(rows.requires_grad for rows in embeddings.z.values())
    with torch.no_grad():
        plain = objective.model(objective.x, objective.graph.view())
    assert torch.equal(embeddings.z["user"], plain.z["user"])


def test_bfloat16_is_near_float32(make_objective):
    values = []
    for precision in ("float32", "bfloat16"):
        objective = make_objective(precision=precision)
        draws = generator(0, "test")
        loss = objective(objective.simulate(draws), 64, draws)["loss"]
        loss.backward()
        values.append(float(loss.detach()))

    assert values[0] != values[1]
    assert values[1] == pytest.approx(values[0], rel=0.05)


def test_parameters_depend_on_the_seed_alone(make_objective):
    first = make_objective(seed=1).state_dict()
    torch.manual_seed(123)
    torch.rand(5)
    state = torch.get_rng_state()

    again, other = make_objective(seed=1).state_dict(), make_objective(seed=2).state_dict()

    assert torch.equal(torch.get_rng_state(), state)  # nor do they disturb anybody's draws
    assert all(torch.equal(again[name], value) for name, value in first.items())
    assert not all(torch.equal(other[name], value) for name, value in first.items())


@pytest.mark.parametrize("name", ["dot", "distmult", "complex", "rotate", "transe", "mlp"])
def test_triples_are_learned_with_any_decoder(make_objective, name):
    objective = make_objective(alignment="none")
    width, relations = len(objective.model.part), len(objective.model.knowledge)
    objective.model.knowledge_decoder = make_decoder(name, relations, width)
    optimizer = torch.optim.Adam(objective.parameters(), lr=0.03)
    world = objective.simulate(generator(0, "world"))

    losses = []
    for step in range(12):
        parts = objective(world, 16, generator(step % 2, "batch"))
        losses.append(float(parts["loss_knowledge"].detach()))
        optimizer.zero_grad()
        parts["loss_knowledge"].backward()
        optimizer.step()

    assert sum(losses[-2:]) < sum(losses[:2])
