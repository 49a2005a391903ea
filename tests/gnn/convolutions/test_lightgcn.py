import torch

BOOKS, FILMS = ("user", "likes:books", "item"), ("user", "likes:films", "item")


def test_a_hop_is_that_of_the_graph_in_which_domains_are_one(make_hop, small):
    out, to_src = make_hop("lightgcn")(small.h, small.propagations())

    joint = sum(small.plain()[edge].to_dst.to_dense() for edge in (BOOKS, FILMS))
    scaled = joint / joint.sum(1, keepdim=True).sqrt() / joint.sum(0, keepdim=True).sqrt()
    torch.testing.assert_close(out["item"], scaled @ small.h["user"])
    torch.testing.assert_close(out["user"], scaled.T @ small.h["item"])
    torch.testing.assert_close(to_src[BOOKS] + to_src[FILMS], out["user"])


def test_there_is_nothing_to_learn(make_hop, network, graph):
    world = network(graph, convolution="lightgcn")

    assert list(make_hop("lightgcn").parameters()) == []
    assert not any(mix.requires_grad for mix in world.model.mix.values())
