from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
import torch
from torch_geometric.nn.kge import DistMult, TransE

from kg.graph import Edges, Nodes
from kg.vocab import Vocab
from training.baselines.base import Task
from training.baselines.factors import Interactions
from training.baselines.knowledge import KnowledgeScores, Network, Triples
from training.seed import generator


def with_genres(task: Task) -> Task:
    """Add two genres: of even and of odd items."""
    graph = task.split.train
    genres = Nodes(
        vocab=Vocab.from_values(["even", "odd"], "genre"),
        title=pa.array(["", ""]),
        text=pa.array(["", ""]),
        domains=np.zeros((2, len(graph.domains)), dtype=np.bool_),
        attributes=pa.table({}),
    )
    rows = np.arange(len(graph.items))
    edges = Edges(src=rows, dst=rows % 2, weight=np.ones(len(rows), dtype=np.float32))
    train = replace(
        graph,
        nodes={**graph.nodes, "genre": genres},
        edges={**graph.edges, ("item", "of", "genre"): edges},
    )
    return replace(task, split=replace(task.split, train=train))


def triples_of(task: Task) -> Triples:
    graph = task.split.train
    sides = [graph.item_mask("books"), graph.item_mask("films")]
    return Triples.of(task, Interactions.of(task, sides))


@pytest.mark.parametrize(("decoder", "reference"), [("transe", TransE), ("distmult", DistMult)])
def test_scores_equal_those_of_pyg(random_task, decoder, reference):
    triples = triples_of(with_genres(random_task("warm")))
    network = Network(triples, decoder, 6, generator(0, "test"))
    norm = {"p_norm": 2.0} if decoder == "transe" else {}
    theirs = reference(triples.num_nodes, 2, 6, **norm)
    with torch.no_grad():
        theirs.node_emb.weight.copy_(network.nodes)
        theirs.rel_emb.weight.copy_(network.relations)
    relations = torch.tensor(triples.relations)[triples.group]
    found = network(triples.heads, relations, triples.tails)
    torch.testing.assert_close(found, theirs(triples.heads, relations, triples.tails))
    pairs = network.pairwise(
        network.queries(triples.heads, relations), network.tails(triples.tails)
    )
    torch.testing.assert_close(pairs.diagonal(), found, rtol=1e-4, atol=1e-4)


def test_triples_name_the_nodes_of_the_graph(random_task):
    task = with_genres(random_task("warm"))
    triples = triples_of(task)
    graph = task.split.train
    assert triples.relations == (0, 0, 1)
    assert triples.num_nodes == 2 + 50 + 80  # genres, items, users: in order of their names
    assert (triples.first_item, triples.first_user) == (2, 52)
    pairs = {
        (h - 52, t - 2)
        for h, t, g in zip(
            triples.heads.tolist(), triples.tails.tolist(), triples.group.tolist(), strict=True
        )
        if g < 2
    }
    edges = graph.interaction_edges
    assert pairs == set(zip(edges.src.tolist(), edges.dst.tolist(), strict=True))
    genres = triples.group == 2
    assert triples.heads[genres].tolist() == list(range(2, 52))
    assert triples.tails[genres].tolist() == [0, 1] * 25
    assert [len(pool) for pool in triples.pools][2] == 2


@pytest.mark.parametrize("decoder", ["transe", "distmult"])
def test_the_score_is_that_of_the_interaction(random_task, decoder):
    task = random_task("warm")
    scorer = KnowledgeScores(task, decoder=decoder, width=6, epochs=1)
    network, triples = scorer._network, scorer._triples
    heads, tails = torch.tensor([4 + triples.first_user]), torch.tensor([30 + triples.first_item])
    expected = network(heads, torch.tensor([0]), tails).item()
    assert scorer.score(np.array([4]), np.array([30])).item() == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("decoder", ["transe", "distmult"])
def test_cold_items_are_known_by_other_relations_alone(random_task, decoder):
    task = random_task("item-cold")
    cold, users = task.split.cold_items, np.arange(80)
    settings = {"decoder": decoder, "width": 6, "epochs": 2}
    silent = KnowledgeScores(task, **settings).score(users, cold)
    np.testing.assert_allclose(silent, np.tile(silent[:, :1], (1, len(cold))), atol=1e-5)
    known = KnowledgeScores(with_genres(task), **settings).score(users, cold)
    assert (np.ptp(known, axis=1) > 1e-3).mean() > 0.9


def test_a_user_in_another_relation_is_known(make_task):
    task = make_task("warm", ["b", "f", "f"], 3, [(0, 0), (0, 1), (1, 2)], held=[(2, 1)])
    friends = Edges(src=np.array([2]), dst=np.array([0]), weight=np.ones(1, dtype=np.float32))
    train = task.split.train.with_edges({("user", "knows", "user"): friends})
    items, settings = np.array([1, 2]), {"width": 6, "epochs": 2}
    alone = KnowledgeScores(task, **settings).score(np.array([2]), items)
    np.testing.assert_allclose(alone, np.log1p([[1, 1]]), rtol=1e-6)
    social = replace(task, split=replace(task.split, train=train))
    assert not np.allclose(KnowledgeScores(social, **settings).score(np.array([2]), items), alone)
