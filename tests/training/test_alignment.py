import dataclasses

import numpy as np
import pytest
import torch

from gnn.alignment import mmd
from gnn.model import Embeddings
from kg.errors import ConfigError
from kg.graph import Edges
from training.alignment import Alignment
from training.batch import Embedded
from training.config import TaskConfig, TrainingConfig
from training.evaluation.split import make_split
from training.seed import generator
from training.simulation import Draw

CPU = torch.device("cpu")
BOOKS, FILMS = ("user", "likes:books", "item"), ("user", "likes:films", "item")
TASK = TaskConfig(target="films", valid_fraction=0.25, test_fraction=0.25)


class Aligned:
    """An alignment asked for the loss of everybody's embeddings, in a world that hides nothing."""

    def __init__(self, split, alignment):
        self.alignment = alignment
        edges = split.train.interaction_edges
        rows = {name: torch.arange(len(nodes)) for name, nodes in split.train.nodes.items()}
        self.rows, self.hidden = rows, torch.zeros(len(edges), dtype=torch.bool)

    def __getattr__(self, name):
        return getattr(self.alignment, name)

    def __call__(self, embeddings, draws):
        drawn = self.alignment.draw(world_without(self.hidden), draws)
        return self.alignment(Embedded(self.rows, embeddings), drawn)


def world_without(hidden):
    nobody = torch.zeros(0, dtype=torch.bool)
    return Draw(
        look=lambda: pytest.fail("alignment looks at no graph"),
        cold_users=nobody,
        cold_items=nobody,
        unseen_items=nobody,
        hidden=hidden,
    )


def make(split, kind="mmd", align=("user",), **settings):
    config = TrainingConfig(alignment=kind, align=align, **settings)
    return Aligned(split, Alignment(split, config, 4, CPU))


def embed(split, seed=0):
    draws = torch.Generator().manual_seed(seed)
    train = split.train
    z = {name: torch.randn(len(nodes), 4, generator=draws) for name, nodes in train.nodes.items()}
    views = {}
    for edge, domain in ((BOOKS, "books"), (FILMS, "films")):
        seen = torch.from_numpy(train.user_mask(domain))[:, None]
        views[edge] = torch.randn(len(train.users), 4, generator=draws) * seen
    z = {name: rows.requires_grad_() for name, rows in z.items()}
    views = {edge: rows.requires_grad_() for edge, rows in views.items()}
    bias = torch.zeros(len(train.items))
    return Embeddings(z=z, item_bias=bias, domain_views=views)


def with_domains(split, node_type, columns):
    """Put the nodes of a type in domains, by row."""
    nodes = split.train.nodes[node_type]
    mask = np.zeros((len(nodes), 2), dtype=np.bool_)
    mask[np.arange(len(nodes)), columns] = True
    nodes = {**split.train.nodes, node_type: dataclasses.replace(nodes, domains=mask)}
    return dataclasses.replace(split, train=dataclasses.replace(split.train, nodes=nodes))


def test_users_are_compared_as_each_domain_shows_them(split):
    embeddings = embed(split)
    views = embeddings.domain_views
    source, target = (views[edge][views[edge].any(dim=1)] for edge in (BOOKS, FILMS))
    assert 2 < len(target) < len(source)  # cold users are seen in no film

    loss = make(split)(embeddings, generator(0, "test"))

    torch.testing.assert_close(loss, mmd(source, target))


def test_items_are_compared_across_domains(split):
    embeddings = embed(split)
    inside = torch.from_numpy(split.train.item_mask("films"))
    z = embeddings.z["item"]

    loss = make(split, align=("item",))(embeddings, generator(0, "test"))

    torch.testing.assert_close(loss, mmd(z[~inside], z[inside]))


def test_losses_of_several_types_are_added(split):
    split = with_domains(split, "genre", [0, 1])
    embeddings = embed(split)
    alone = [
        make(split, align=(name,))(embeddings, generator(0, "test")) for name in ("user", "item")
    ]

    both = make(split, align=("user", "item", "user"))(embeddings, generator(0, "test"))

    torch.testing.assert_close(both, alone[0] + alone[1])
    assert float(make(split, align=("genre",))(embeddings, generator(0, "test")).detach()) == 0


def test_a_shared_item_is_on_neither_side(make_graph):
    items = {"b1": "books", "b2": "books", "f1": "films", "f2": "films", "both": ("books", "films")}
    users = ("u1", "u2", "u3", "u4")
    graph = make_graph([(u, i) for u in users for i in items], items)
    split = make_split(graph, TASK, "user-cold", 0)
    embeddings = embed(split)

    make(split, align=("item",))(embeddings, generator(0, "test")).backward()

    moved = embeddings.z["item"].grad.any(dim=1)
    assert split.train.items.vocab.to_ids(np.flatnonzero(moved.numpy())) == ["b1", "b2", "f1", "f2"]


def test_each_type_has_a_discriminator_of_its_own(split):
    alignment = make(split, "adversarial", ("user", "item"))

    loss = alignment(embed(split), generator(0, "test"))
    loss.backward()

    names = {name.split(".")[1] for name, _ in alignment.named_parameters()}
    assert names == {"of_user", "of_item"}
    assert all(p.grad is not None and bool(p.grad.any()) for p in alignment.parameters())


@pytest.mark.parametrize("kind", ["mmd", "coral", "sinkhorn", "adversarial", "contrastive"])
def test_one_generator_gives_one_loss(split, kind):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        alignment = make(split, kind)
    embeddings = embed(split)
    values = [float(alignment(embeddings, generator(0, "a")).detach()) for _ in range(2)]
    assert values[0] == values[1] > 0


def test_a_side_without_nodes_is_nothing_to_align(split):
    alignment = make(split)
    films = torch.from_numpy(split.train.item_mask("films")[split.train.interaction_edges.dst])
    alignment.hidden = films

    assert float(alignment(embed(split), generator(0, "test"))) == 0


def test_users_are_compared_as_far_as_a_world_shows_them(split):
    embeddings, alignment = embed(split), make(split)
    edges = split.train.interaction_edges
    lost = edges.src[split.train.item_mask("films")[edges.dst]].max()
    alignment.hidden = torch.from_numpy(edges.src == lost)
    views = embeddings.domain_views
    seen = {edge: views[edge].any(dim=1) for edge in (BOOKS, FILMS)}
    for mask in seen.values():
        mask[lost] = False

    loss = alignment(embeddings, generator(0, "test"))

    source, target = (views[edge][seen[edge]] for edge in (BOOKS, FILMS))
    torch.testing.assert_close(loss, mmd(source, target))


def test_user_and_item_are_roles(make_graph):
    graph = make_graph([(u, i) for u in "abcd" for i in ("b", "f")], {"b": "books", "f": "films"})
    nodes = {"reader": graph.nodes["user"], "work": graph.nodes["item"]}
    likes = ("reader", "likes", "work")
    edges: dict[tuple[str, str, str], Edges] = {likes: graph.interaction_edges}
    graph = dataclasses.replace(graph, nodes=nodes, edges=edges, interactions=likes)
    split = make_split(graph, TASK, "user-cold", 0)

    assert list(make(split, align=("user", "item")).losses) == ["reader", "work"]


def test_wrong_node_types(split):
    with pytest.raises(ConfigError, match=r'names .itms., did you mean "item"'):
        make(split, align=("itms",))
    with pytest.raises(ConfigError, match="'genre', which has no nodes of its own in books"):
        make(split, align=("genre",))
    with pytest.raises(ValueError, match="only users are pairs"):
        TrainingConfig(alignment="contrastive", align=("user", "item"))
