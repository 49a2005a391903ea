"""Row counts and the popularity floor on real data, as published beside the data."""

import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest

from kg.graph import Edges, KnowledgeGraph, Nodes
from kg.vocab import Vocab
from training.config import TaskConfig
from training.evaluation.evaluate import evaluate
from training.evaluation.split import check_no_leak, make_split

DATA = Path(os.environ.get("ISTHMUS_DATA", Path(__file__).parents[4] / "shared" / "data"))

pytestmark = [
    pytest.mark.data,
    pytest.mark.skipif(not DATA.is_dir(), reason=f"no data at {DATA}; set ISTHMUS_DATA"),
]

# folder, name of its item column, target, protocol -> users, rows of the test part
COUNTS = [
    ("food-kitchen", "item_id", "kitchen", "user-cold", 940, 6800),
    ("food-kitchen", "item_id", "kitchen", "item-cold", 22879, 32584),
    ("food-kitchen", "item_id", "food", "user-cold", 940, 5977),
    ("food-kitchen", "item_id", "food", "item-cold", 6564, 9452),
    ("toys-beauty", "item", "beauty", "user-cold", 207, 3489),
    ("toys-beauty", "item", "beauty", "item-cold", 12540, 20339),
    ("toys-beauty", "item", "toys", "user-cold", 207, 3302),
    ("toys-beauty", "item", "toys", "item-cold", 10186, 16632),
]
# full NDCG@10, full Recall@20, sampled MRR, NDCG@10, HR@10; all in %
POPULARITY = {
    "kitchen": (0.85, 1.71, 5.17, 5.32, 10.06),
    "food": (3.69, 6.48, 7.62, 8.41, 15.58),
    "beauty": (1.08, 2.07, 4.89, 4.86, 10.55),
    "toys": (2.05, 2.25, 3.86, 3.59, 6.63),
}


def read(path: Path) -> pa.Table:
    names = ("user", "item", "item_id", "domain", "asin", "title", "text")
    return pyarrow.csv.read_csv(
        path,
        parse_options=pyarrow.csv.ParseOptions(delimiter="\t", quote_char=False),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
        ),
    )


@pytest.fixture(scope="module")
def graphs():
    made = {}

    def graph(folder: str, item: str) -> KnowledgeGraph:
        if folder not in made:
            made[folder] = build(DATA / folder, item)
        return made[folder]

    return graph


def build(folder: Path, item: str) -> KnowledgeGraph:
    items, interactions = read(folder / "items.tsv.gz"), read(folder / "interactions.tsv.gz")
    domains = sorted(set(items["domain"].to_pylist()))
    item_vocab = Vocab.from_values(items[item], "item")
    user_vocab = Vocab.from_values(interactions["user"], "user")
    users, rows = user_vocab.index(interactions["user"]), item_vocab.index(interactions[item])
    distinct = np.unique(users * len(item_vocab) + rows)  # some interactions are repeated
    users, rows = np.divmod(distinct, len(item_vocab))
    membership = np.zeros((len(item_vocab), len(domains)), dtype=np.bool_)
    columns = [domains.index(name) for name in items["domain"].to_pylist()]
    membership[item_vocab.index(items[item]), columns] = True

    def nodes(vocab: Vocab, mask: np.ndarray) -> Nodes:
        text = pa.array([""] * len(vocab), pa.string())
        return Nodes(vocab=vocab, title=text, text=text, domains=mask, attributes=pa.table({}))

    return KnowledgeGraph(
        domains=tuple(domains),
        nodes={
            "user": nodes(user_vocab, np.ones((len(user_vocab), len(domains)), dtype=np.bool_)),
            "item": nodes(item_vocab, membership),
        },
        edges={
            ("user", "bought", "item"): Edges(
                src=users, dst=rows, weight=np.ones(len(users), dtype=np.float32)
            )
        },
        interactions=("user", "bought", "item"),
    )


def split_of(graph, folder, target, protocol):
    config = TaskConfig(
        target=target,
        cold_users=DATA / folder / f"cold-users-in-{target}.tsv.gz",
        cold_items=DATA / folder / f"cold-items-in-{target}.tsv.gz",
    )
    return make_split(graph, config, protocol, seed=0)


@pytest.mark.parametrize(("folder", "item", "target", "protocol", "users", "rows"), COUNTS)
def test_row_counts(graphs, folder, item, target, protocol, users, rows):
    graph = graphs(folder, item)
    split = split_of(graph, folder, target, protocol)
    check_no_leak(split)
    assert len(np.unique(split.test.users)) == users
    assert len(split.test) == rows
    held_out = len(split.valid) + len(split.test) + split.unranked.shape[1]
    assert held_out + len(split.train.interaction_edges) == len(graph.interaction_edges)


class Popularity:
    name = "popularity"

    def __init__(self, split):
        items = split.train.interaction_edges.dst
        counts = np.bincount(items, minlength=len(split.train.items))
        self.counts = counts.astype(np.float32)

    def score(self, users, items):
        return np.broadcast_to(self.counts[items], (len(users), len(items)))


@pytest.mark.parametrize(
    ("folder", "item", "target"),
    [row[:3] for row in COUNTS if row[3] == "user-cold"],
)
def test_popularity_has_its_published_figures(graphs, folder, item, target):
    split = split_of(graphs(folder, item), folder, target, "user-cold")
    found = evaluate(Popularity(split), split, "test", rng=np.random.default_rng(0))
    full = [100 * found.mean("NDCG@10"), 100 * found.mean("Recall@20")]
    assert np.round(full, 2).tolist() == list(POPULARITY[target][:2])
    sampled = [100 * found.sampled_mean(name) for name in ("MRR", "NDCG@10", "HR@10")]
    for value, published in zip(sampled, POPULARITY[target][2:], strict=True):
        # other negatives were drawn then; three standard errors of the share of rows that hit
        assert value == pytest.approx(published, abs=300 * (0.1 / len(split.test)) ** 0.5)


def test_random_cold_items_of_real_data(graphs):
    graph = graphs("food-kitchen", "item_id")
    split = make_split(graph, TaskConfig(target="kitchen"), "item-cold", seed=0)
    assert len(split.test.candidates) == len(split.valid.candidates) == 2764
