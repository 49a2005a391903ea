import torch
from torch_geometric.nn import RGCNConv

from gnn.layers import gate_name

START = {"user": 0, "item": 3, "person": 7}  # rows, where all nodes are in one matrix


def test_a_hop_is_that_of_pyg(make_hop, small):
    hop, propagations = make_hop("rgcn", noise=0.5), small.plain()
    with torch.no_grad():
        hop.activation.weight.fill_(1.0)
    heads, kinds, names = [], [], []
    for edge_type, propagation in propagations.items():
        for reverse in (False, True):
            edges = propagation.reverse_edges if reverse else propagation.edges
            ends = (edge_type[2], edge_type[0]) if reverse else (edge_type[0], edge_type[2])
            heads.append(torch.stack([edges.src + START[ends[0]], edges.dst + START[ends[1]]]))
            kinds.append(torch.full((len(edges.src),), len(names)))
            names.append(("rev_" if reverse else "") + gate_name(edge_type))
    theirs = RGCNConv(8, 8, len(names), num_bases=4, aggr="add", bias=False)
    with torch.no_grad():
        theirs.weight.copy_(hop.bases / 8)
        theirs.comp.copy_(torch.stack([hop.coefficients[name] for name in names]))
        theirs.root.copy_(hop.root.weight[0] / 8)

    out, _ = hop(small.h, propagations)
    expected = theirs(
        torch.cat([small.h[kind] for kind in START]), torch.cat(heads, 1), torch.cat(kinds)
    )

    ours = torch.cat([out[kind] for kind in START])
    torch.testing.assert_close(ours, expected, atol=1e-4, rtol=1e-4)


def test_relations_share_their_bases(make_hop):
    names = [name for name, _ in make_hop("rgcn").named_parameters()]

    assert sum("bases" in name for name in names) == 1
    assert sum("coefficients" in name for name in names) == 6
