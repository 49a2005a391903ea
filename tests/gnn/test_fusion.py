import math

import pytest
import torch

from encoders.channels import attributes as channels
from gnn import fusion
from gnn.fusion import NodeInput

PART = torch.tensor([0, 0, 0, 1])
TEXT = torch.tensor([[1.0, 2.0], [0.5, -1.0], [0.0, 0.0], [0.0, 0.0]])
IMAGE = torch.tensor([[1.0, 0.0, 3.0], [0.0, 0.0, 0.0], [1.0, 1.0, 1.0], [0.0, 0.0, 0.0]])
BOTH = {"text": TEXT, "image": IMAGE}


def make(widths, *, residual=True, fusion="concat", noise=1.0):
    made = NodeInput(4, PART, widths, residual=residual, fusion=fusion)
    draws = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in (*made.from_data(), *made.gates.values()):
            parameter.copy_(torch.randn(parameter.shape, generator=draws) * noise)
        if made.query is not None:
            made.query.copy_(torch.randn(4, generator=draws) * noise)
    return made


def two(fusion, noise=1.0):
    return make({"text": 2, "image": 3}, residual=False, fusion=fusion, noise=noise)


def said(layer, channel, x):
    """Return what a channel says of nodes that have it."""
    return layer.project[layer.names[channel]](x)


@pytest.fixture
def layer():
    return make({"text": 2})


def test_an_embedding_is_projected_text_and_residual(layer):
    out = layer({"text": TEXT})

    torch.testing.assert_close(out[:2], (said(layer, "text", TEXT) + layer.residual)[:2])


def test_a_zero_row_says_nothing_not_even_a_bias(layer):
    torch.testing.assert_close(layer({"text": TEXT})[2], layer.residual[2])


def test_only_cold_nodes_do_without_their_residual(layer):
    out = layer({"text": TEXT}, torch.tensor([True, False, True, False]))

    torch.testing.assert_close(out[0], said(layer, "text", TEXT)[0])
    torch.testing.assert_close(out[1], layer({"text": TEXT})[1])
    assert not out[2].any()


def test_a_cold_node_gives_its_residual_no_gradient(layer):
    cold = torch.tensor([True, False, False, False])
    layer({"text": TEXT}, cold).square().sum().backward()

    assert bool((layer.residual.grad[0] == 0).all())
    assert bool((layer.residual.grad[1:] != 0).all())


def test_residuals_begin_at_zero():
    assert bool((NodeInput(3, PART, {}, residual=True).residual == 0).all())


def test_of_a_type_without_channels_and_residual_nothing_is_known():
    assert NodeInput(3, PART, {}, residual=False)({}) is None


def test_concatenation_is_one_linear_map_of_the_channels_side_by_side():
    layer = two("concat")
    weights = [layer.project[layer.names[channel]] for channel in BOTH]
    side_by_side = torch.cat([TEXT, IMAGE], dim=1)
    whole = torch.cat([one.weight for one in weights], dim=1)

    out = layer(BOTH)

    expected = side_by_side @ whole.T
    expected[0] += weights[0].bias + weights[1].bias
    expected[1] += weights[0].bias  # of a channel that is not known there is no bias
    expected[2] += weights[1].bias
    torch.testing.assert_close(out, expected)


@pytest.mark.parametrize("kind", ["concat", "gate", "attention"])
def test_all_fusions_begin_as_the_same_sum(kind):
    layer = NodeInput(4, PART, {"text": 2, "image": 3}, residual=False, fusion=kind)
    known = [(rows != 0).any(1, keepdim=True) for rows in BOTH.values()]

    out = layer(BOTH)

    parts = [said(layer, c, x) * seen for (c, x), seen in zip(BOTH.items(), known, strict=True)]
    torch.testing.assert_close(out, parts[0] + parts[1])


def test_gates_weigh_the_channels_that_a_node_has_part_by_part():
    layer = two("gate")
    gates = torch.stack([layer.gates[layer.names[c]] for c in BOTH])  # [channels, parts]

    out = layer(BOTH)

    weights = 2 * gates.softmax(0)[:, PART]
    text, image = (said(layer, channel, x) for channel, x in BOTH.items())
    torch.testing.assert_close(out[0], weights[0] * text[0] + weights[1] * image[0])
    torch.testing.assert_close(out[1], text[1])  # alone, a channel counts as it is
    torch.testing.assert_close(out[2], image[2])
    assert not out[3].any()


def test_attention_weighs_by_what_the_channels_say():
    layer = two("attention")

    out = layer(BOTH)

    text, image = (said(layer, channel, x)[0] for channel, x in BOTH.items())
    expected = torch.empty(4)
    for part in (0, 1):
        inside = part == PART
        logits = [
            layer.gates[layer.names[channel]][part]
            + value[inside] @ layer.query[inside] / math.sqrt(int(inside.sum()))
            for channel, value in (("text", text), ("image", image))
        ]
        weights = 2 * torch.stack(logits).softmax(0)
        expected[inside] = (weights[0] * text + weights[1] * image)[inside]
    torch.testing.assert_close(out[0], expected)
    torch.testing.assert_close(out[1], said(layer, "text", TEXT)[1])
    assert not out[3].any()


@pytest.mark.parametrize("kind", ["concat", "gate", "attention"])
def test_one_channel_is_the_same_under_every_fusion(kind):
    layer, plain = (make({"text": 2}, fusion=name) for name in (kind, "concat"))

    assert torch.equal(layer({"text": TEXT}), plain({"text": TEXT}))


@pytest.mark.parametrize("kind", ["concat", "gate", "attention"])
def test_permuting_nodes_permutes_the_embeddings(kind):
    layer, order = two(kind), torch.tensor([2, 0, 3, 1])

    permuted = layer({name: rows[order] for name, rows in BOTH.items()})

    torch.testing.assert_close(permuted, layer(BOTH)[order])


@pytest.mark.parametrize("kind", ["concat", "gate", "attention"])
def test_the_order_of_channels_does_not_matter(kind):
    layer = two(kind)
    other = NodeInput(4, PART, {"image": 3, "text": 2}, residual=False, fusion=kind)
    other.load_state_dict(layer.state_dict())

    torch.testing.assert_close(other(dict(reversed(BOTH.items()))), layer(BOTH))


@pytest.mark.parametrize("kind", ["concat", "gate", "attention"])
def test_a_hidden_channel_is_one_that_is_not_known(kind):
    layer = two(kind)
    hidden = {"image": torch.tensor([True, False, False, False])}

    out = layer(BOTH, None, hidden)

    torch.testing.assert_close(out[0], said(layer, "text", TEXT)[0])
    torch.testing.assert_close(out[1:], layer(BOTH)[1:])


@pytest.mark.parametrize("kind", ["concat", "gate", "attention"])
def test_strong_gates_do_not_overflow(kind):
    layer = two(kind, noise=1e3)
    out = layer(BOTH)
    out.sum().backward()

    assert bool(torch.isfinite(out).all())
    assert all(bool(torch.isfinite(p.grad).all()) for p in layer.parameters() if p.grad is not None)
    torch.testing.assert_close(out[1], said(layer, "text", TEXT)[1])


@pytest.mark.parametrize("kind", ["concat", "gate", "attention"])
def test_histories_do_nothing_until_their_gates_open(kind):
    widths = {"text": 2, "history:books": 2}
    layer = NodeInput(4, PART, widths, residual=False, fusion=kind)
    history = torch.randn(4, 2, generator=torch.Generator().manual_seed(1))
    x = {"text": TEXT, "history:books": history}
    name = layer.names["history:books"]
    alone = layer({**x, "history:books": torch.zeros(4, 2)})

    out = layer(x)
    out.sum().backward()
    with torch.no_grad():
        layer.gates[name].copy_(torch.tensor([2.0, 3.0]))
    opened = layer(x)

    assert torch.equal(out, alone)
    assert bool((layer.gates[name].grad != 0).all())
    expected = alone + said(layer, "history:books", history) * torch.tensor([2.0, 2.0, 2.0, 3.0])
    torch.testing.assert_close(opened, expected)


def test_gates_are_not_what_starts_from_data():
    layer = make({"text": 2, "history:books": 2}, fusion="attention")
    slow = {id(parameter) for parameter in layer.from_data()}

    fast = {name for name, parameter in layer.named_parameters() if id(parameter) not in slow}

    assert fast == {"query", "gates.of_text", "gates.of_history:books"}


def test_encoders_and_network_call_histories_alike():
    assert fusion.HISTORY == channels.HISTORY
