import torch
from torch import nn
from torch_geometric.nn import HGTConv

from gnn.adjacency import Adjacency, Propagation
from gnn.convolutions.hgt import HeteroTransformerConv
from gnn.layers import gate_name

LIKES, OWNS = ("user", "likes", "item"), ("user", "owns", "item")
EDGES = {  # everybody has two items of each kind, and every item two people
    LIKES: ([0, 0, 1, 1, 2, 2], [0, 1, 1, 2, 2, 0]),
    OWNS: ([0, 0, 1, 1, 2, 2], [0, 2, 1, 0, 2, 1]),
}
HEADS, SIZE = 4, 2


def matrices(layer):
    return torch.eye(layer.size) + layer.weight.detach() / layer.size


def test_a_hop_is_that_of_pyg():
    """A quarter on each of four edges is 1 in all: then attention alone decides."""
    hop = HeteroTransformerConv(
        torch.zeros(8, dtype=torch.long), {LIKES: 1.0, OWNS: 1.0}, ["user", "item"]
    )
    draws = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, parameter in hop.named_parameters():
            if "log_gates" not in name:
                parameter.copy_(torch.randn(parameter.shape, generator=draws))
        for skip in hop.skip.values():
            skip.fill_(1.0)
    hop.activation = nn.GELU()
    h = {kind: torch.randn(3, 8, generator=draws) for kind in ("user", "item")}
    propagations, indices = {}, {}
    for edge_type, (src, dst) in EDGES.items():
        adjacency = Adjacency(torch.tensor(src), torch.tensor(dst), 3, 3)
        quarter = torch.full((6,), 0.25)
        propagations[edge_type] = Propagation(adjacency, quarter, quarter)
        indices[edge_type] = torch.tensor([src, dst])
        indices[edge_type[2], "rev_" + edge_type[1], edge_type[0]] = torch.tensor([dst, src])
    theirs = HGTConv(8, 8, (["user", "item"], list(indices)), heads=HEADS)
    with torch.no_grad():
        for kind in h:
            maps = [hop.key, hop.query, hop.value]
            blocks = [matrices(each[f"of_{kind}"])[0].T for each in maps]
            theirs.kqv_lin.lins[kind].weight.copy_(torch.cat(blocks))
            theirs.kqv_lin.lins[kind].bias.zero_()
            theirs.out_lin.lins[kind].weight.copy_(matrices(hop.out[f"of_{kind}"])[0].T)
            theirs.out_lin.lins[kind].bias.zero_()
            theirs.skip[kind].zero_()  # half of each
        for number, edge_type in enumerate(indices):
            back = edge_type[1].startswith("rev_")
            forth = (edge_type[2], edge_type[1].removeprefix("rev_"), edge_type[0])
            name = "rev_" + gate_name(forth) if back else gate_name(edge_type)
            theirs.p_rel["__".join(edge_type)].copy_(hop.prior[name][None])
            for head in range(HEADS):
                row = head * len(indices) + number
                theirs.k_rel.weight[row] = matrices(hop.key_relation[name])[head]
                theirs.v_rel.weight[row] = matrices(hop.value_relation[name])[head]

    out, _ = hop(h, propagations)
    expected = theirs(h, indices)

    for kind in h:
        torch.testing.assert_close(out[kind], 2 * expected[kind], atol=1e-5, rtol=1e-5)
