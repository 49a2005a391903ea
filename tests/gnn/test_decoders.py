import numpy as np
import torch

from gnn.decoders import DistMult

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
