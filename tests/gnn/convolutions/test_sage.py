import torch
from torch_geometric.nn import SAGEConv

from gnn.layers import gate_name


def matrix(layer):
    return layer.start * torch.eye(layer.size) + layer.weight[0].detach() / layer.size


def test_a_hop_is_the_sum_of_those_of_pyg(make_hop, small):
    hop, propagations = make_hop("sage", noise=0.5), small.propagations()
    with torch.no_grad():
        hop.activation.weight.fill_(1.0)
    expected = {kind: rows @ matrix(hop.own[f"of_{kind}"]) for kind, rows in small.h.items()}
    for edge_type, propagation in propagations.items():
        for reverse in (False, True):
            edges = propagation.reverse_edges if reverse else propagation.edges
            src, dst = (edge_type[2], edge_type[0]) if reverse else (edge_type[0], edge_type[2])
            theirs = SAGEConv((8, 8), 8, root_weight=False, bias=False)
            weights = hop.weights[("rev_" if reverse else "") + gate_name(edge_type)]
            with torch.no_grad():
                theirs.lin_l.weight.copy_(matrix(weights).T)
            index = torch.stack([edges.src, edges.dst])
            expected[dst] = expected[dst] + theirs((small.h[src], small.h[dst]), index)

    out, _ = hop(small.h, propagations)

    for kind in small.h:
        torch.testing.assert_close(out[kind], expected[kind], atol=1e-5, rtol=1e-5)
