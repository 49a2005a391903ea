import torch

BOOKS, FILMS = (("user", f"likes:{domain}", "item") for domain in ("books", "films"))


def test_whoever_lacks_an_edge_lacks_the_history_made_of_it(
    crowd, network, channels, make_world, hidden
):
    net = network(crowd, channels=channels)
    likes, everybody = crowd.interaction_edges, torch.arange(len(crowd.nodes["user"]))
    some = torch.tensor(likes.src[::9]), torch.tensor(likes.dst[::9])
    whole, world = make_world(net), make_world(net, **hidden)
    less = make_world(net, without={BOOKS: some, FILMS: some}, **hidden)

    for some_world in (whole, world, less):
        for edge, channel in ((BOOKS, "history:books"), (FILMS, "history:films")):
            before, after = (w.relations[edge].to_src for w in (whole, some_world))
            lacking = after.degree(everybody) < before.degree(everybody)
            found = some_world.lost.get(channel, torch.zeros(len(everybody), dtype=torch.bool))
            assert torch.equal(found, lacking)
    assert 0 < int(less.lost["history:films"].sum()) < len(everybody)
