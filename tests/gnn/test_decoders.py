import numpy as np
import pytest
import torch
from torch_geometric.nn import kge

from gnn.decoders import Decoder, DistMult, make_decoder

HEAD = torch.tensor([[1.0, 2.0, 3.0], [0.5, -1.0, 2.0]])
TAIL = torch.tensor([[2.0, 0.0, -1.0], [1.0, 1.0, 1.0]])


def test_distmult_is_the_sum_of_products():
    decoder = DistMult(2, 3)
    with torch.no_grad():
        decoder.relation.copy_(torch.tensor([[1.0, 0.5, 2.0], [0.0, 3.0, -1.0]]))

    scores = decoder(HEAD, TAIL, torch.tensor([0, 1]))

    # 1*1*2 + 2*.5*0 + 3*2*-1 and .5*0*1 + -1*3*1 + 2*-1*1
    np.testing.assert_allclose(scores.detach(), [-4.0, -5.0])


def test_a_score_is_the_dot_product_of_query_and_tail():
    decoder = DistMult(2, 3)
    with torch.no_grad():
        decoder.relation.copy_(torch.tensor([[1.0, 0.5, 2.0], [0.0, 3.0, -1.0]]))

    torch.testing.assert_close((decoder.queries(HEAD, 1) * TAIL).sum(1), decoder(HEAD, TAIL, 1))


def test_a_relation_that_is_not_learned_leaves_the_dot_product():
    decoder = DistMult(1, 3, learned=False)

    assert torch.equal(decoder(HEAD, TAIL), (HEAD * TAIL).sum(1))
    assert [p for p in decoder.parameters() if p.requires_grad] == []


def test_a_learned_relation_begins_as_the_dot_product_and_has_a_gradient():
    decoder = DistMult(1, 3)

    scores = decoder(HEAD, TAIL)
    scores.sum().backward()

    assert torch.equal(scores.detach(), (HEAD * TAIL).sum(1))
    torch.testing.assert_close(decoder.relation.grad[0], (HEAD * TAIL).sum(0))


def _weights(decoder: Decoder, seed: int = 0) -> Decoder:
    draws = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in decoder.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=draws))
    return decoder


def _rows(number: int, seed: int) -> torch.Tensor:
    return torch.randn(number, 6, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("name", ["dot", "distmult", "complex", "rotate", "transe", "mlp"])
def test_every_way_to_score_gives_the_same_numbers(name):
    decoder = make_decoder(name, 3, 6) if name == "dot" else _weights(make_decoder(name, 3, 6))
    heads, tails = _rows(7, 1), _rows(4, 2)
    relations = torch.tensor([0, 1, 2, 0, 1, 2, 0])

    against = decoder.against(decoder.queries(heads, relations), tails)

    assert against.shape == (7, 4)
    for column, tail in enumerate(tails):
        one_by_one = decoder(heads, tail.expand_as(heads), relations)
        torch.testing.assert_close(against[:, column], one_by_one, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ["complex", "rotate", "transe", "mlp"])
def test_every_parameter_has_a_gradient(name):
    decoder = make_decoder(name, 2, 6)

    decoder.against(decoder.queries(_rows(3, 1), 1), _rows(4, 2)).square().sum().backward()

    for parameter_name, parameter in decoder.named_parameters():
        assert parameter.grad is not None, parameter_name
        assert parameter.grad.abs().sum() > 0, parameter_name


def test_mlp_scores_are_the_same_in_any_blocks(monkeypatch):
    decoder = _weights(make_decoder("mlp", 1, 6))
    query, tails = decoder.queries(_rows(5, 1)), _rows(4, 2)
    whole = decoder.against(query, tails)

    monkeypatch.setattr("gnn.decoders.BLOCK", 1)

    torch.testing.assert_close(decoder.against(query, tails), whole)


@pytest.mark.parametrize("name", ["complex", "rotate"])
def test_an_untrained_relation_leaves_the_head_as_it_is(name):
    assert torch.equal(make_decoder(name, 2, 6).queries(_rows(3, 1), 1), _rows(3, 1))


@pytest.mark.parametrize("name", ["complex", "rotate"])
def test_complex_numbers_need_an_even_width(name):
    with pytest.raises(ValueError, match="must be even"):
        make_decoder(name, 1, 5)


@pytest.mark.parametrize("name", ["distmult", "complex", "rotate", "transe"])
def test_scores_are_those_of_pyg(name):
    triples = torch.tensor([[0, 1, 3], [2, 0, 4], [4, 1, 0], [1, 1, 1]])
    entities = _rows(5, 1)
    if name == "transe":  # PyG scales entities to length 1
        entities = torch.nn.functional.normalize(entities, dim=1)
    decoder = _weights(make_decoder(name, 2, 6))
    settings = {"transe": {"p_norm": 2.0}, "rotate": {"margin": 0.0}}.get(name, {})
    classes = {"distmult": kge.DistMult, "complex": kge.ComplEx}
    classes |= {"rotate": kge.RotatE, "transe": kge.TransE}
    width = 3 if name in ("complex", "rotate") else 6
    theirs = classes[name](5, 2, width, **settings)
    with torch.no_grad():
        if name in ("complex", "rotate"):
            theirs.node_emb.weight.copy_(entities[:, 0::2])
            theirs.node_emb_im.weight.copy_(entities[:, 1::2])
        else:
            theirs.node_emb.weight.copy_(entities)
        if name == "complex":
            theirs.rel_emb.weight.copy_(decoder.relation[:, 0::2])
            theirs.rel_emb_im.weight.copy_(decoder.relation[:, 1::2])
        else:
            theirs.rel_emb.weight.copy_(decoder.angle if name == "rotate" else decoder.relation)
        head, relation, tail = triples.T

        scores = decoder(entities[head], entities[tail], relation)

    torch.testing.assert_close(scores, theirs(head, relation, tail).detach())
