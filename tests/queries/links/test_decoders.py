import numpy as np
import pytest
import torch
from scipy import sparse

from gnn.decoders import make_decoder
from kg.errors import ArtefactError
from queries.links.decoders import link_decoder

NAMES = ("dot", "distmult", "complex", "rotate", "transe", "mlp")
WIDTH, RELATIONS = 6, 3


@pytest.fixture(params=NAMES)
def both(request):
    """A decoder of torch with drawn parameters, and ours with the same."""
    theirs = make_decoder(request.param, RELATIONS, WIDTH)
    draws = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in theirs.parameters():
            if parameter.requires_grad:
                parameter.normal_(generator=draws)
    weights = {name: value.numpy() for name, value in theirs.state_dict().items()}
    return theirs, link_decoder(request.param, weights)


@pytest.fixture
def rows():
    rng = np.random.default_rng(0)
    return [rng.normal(size=(n, WIDTH)).astype(np.float32) for n in (5, 40)]


def _scores(theirs, heads, tails, relation):
    with torch.no_grad():
        query = theirs.queries(torch.from_numpy(heads), relation)
        return theirs.against(query, torch.from_numpy(tails)).numpy()


def test_scores_are_those_of_torch(both, rows):
    theirs, ours = both
    heads, tails = rows
    expected = _scores(theirs, heads, tails, 1)

    query, keys = ours.for_tails(heads, 1), ours.keys(tails, heads=False)
    assert ours.pairs(query[:, None], keys) == pytest.approx(expected, abs=1e-4)


def test_asked_from_the_other_end_they_are_the_same(both, rows):
    theirs, ours = both
    heads, tails = rows
    expected = _scores(theirs, heads, tails, 2)

    query, keys = ours.for_heads(tails, 2), ours.keys(heads, heads=True)
    assert pytest.approx(expected, abs=1e-4) == ours.pairs(query[:, None], keys).T


def test_each_row_may_have_a_relation_of_its_own(both, rows):
    theirs, ours = both
    heads, tails = rows[0], rows[1][:5]
    relation = np.array([0, 1, 2, 1, 0])
    with torch.no_grad():
        expected = theirs(
            torch.from_numpy(heads), torch.from_numpy(tails), torch.from_numpy(relation)
        )

    found = ours.pairs(ours.for_tails(heads, relation), ours.keys(tails, heads=False))
    assert found == pytest.approx(expected.numpy(), abs=1e-4)


@pytest.mark.parametrize("from_heads", [True, False])
def test_the_nearest_are_the_best_of_those_allowed(both, rows, from_heads):
    theirs, ours = both
    few, many = rows
    among = np.arange(3, 38)
    hidden = sparse.csr_array(np.eye(5, 40, k=5, dtype=np.int8))
    if from_heads:
        expected = _scores(theirs, few, many, 0)
        query, keys = ours.for_tails(few, 0), ours.keys(many, heads=False)
    else:
        expected = _scores(theirs, many, few, 0).T
        query, keys = ours.for_heads(few, 0), ours.keys(many, heads=True)
    expected[:, [0, 1, 2, 38, 39]] = -np.inf
    expected[np.arange(5), np.arange(5, 10)] = -np.inf

    found = ours.nearest(query, keys, among, 4, hidden, None)

    best = np.argsort(-expected, axis=1)[:, :4]
    assert np.array_equal(np.sort(found, axis=1), np.sort(best, axis=1))


def test_what_is_not_there_is_padding(both, rows):
    ours = both[1]
    few, many = rows
    nothing = sparse.csr_array((5, 40), dtype=np.int8)
    found = ours.nearest(
        ours.for_tails(few, 0), ours.keys(many, heads=False), np.array([7, 9]), 4, nothing, None
    )
    assert sorted(found[0].tolist()) == [-1, -1, 7, 9]


def test_a_decoder_without_its_parameters_is_damaged():
    with pytest.raises(ArtefactError, match="relation"):
        link_decoder("complex", {})
    with pytest.raises(ArtefactError, match="tucker"):
        link_decoder("tucker", {})
