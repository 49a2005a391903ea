import pytest
import torch
from torch_geometric.nn import GATv2Conv

from gnn.convolutions import gat
from gnn.layers import gate_name

BOOKS, BY = ("user", "likes:books", "item"), ("item", "by", "person")


def matrix(layer):
    return torch.eye(layer.size) + layer.weight[0].detach() / layer.size


@pytest.mark.parametrize("at_once", [3, 65_536])
def test_attention_is_that_of_pyg(make_hop, small, monkeypatch, at_once):
    """With 1 on every edge a node gets its degree times the mean that attention takes."""
    monkeypatch.setattr(gat, "EDGES_AT_ONCE", at_once)
    hop, propagation = make_hop("gat", noise=1.0), small.plain()[BOOKS]
    name = "rev_" + gate_name(BOOKS)
    theirs = GATv2Conv((8, 8), 2, heads=4, add_self_loops=False, bias=False)
    with torch.no_grad():
        hop.gates[name].fill_(1.0)
        theirs.lin_l.weight.copy_(matrix(hop.of_src[name]).T)
        theirs.lin_r.weight.copy_(matrix(hop.of_dst[name]).T)
        theirs.att.copy_(hop.attention[name].view(1, 4, 2))
    edges = propagation.reverse_edges

    _, to_src = hop({k: small.h[k] for k in ("user", "item")}, {BOOKS: propagation})
    expected = theirs((small.h["item"], small.h["user"]), torch.stack([edges.src, edges.dst]))

    degree = propagation.out_degree[:, None]
    torch.testing.assert_close(to_src[BOOKS], expected * degree, atol=1e-5, rtol=1e-5)
