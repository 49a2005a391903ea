"""Small graphs and jobs that every room tests on; fixtures return factories."""

import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch

from encoders.channels.features import Features
from encoders.neighbours.edges import TextEdgeConfig
from encoders.settings import EncoderConfig
from kg.graph import Edges, EdgeType, KnowledgeGraph, Nodes
from kg.vocab import Vocab
from training.bundle import Bundle
from training.config import GraphConfig, JobConfig, ModelConfig, TaskConfig, TrainingConfig
from training.evaluation.split import Split, make_split

GraphFactory = Callable[..., KnowledgeGraph]

ITEMS = """
[[nodes]]
file = "items.csv"
type = "item"
id = "id"
domain_column = "domain"
title = "title"
text = ["title"]
"""
LIKES = """
[[edges]]
file = "likes.csv"
relation = "interacts"
src = { type = "user", column = "user", create = true }
dst = { type = "item", column = "item" }
"""
PEOPLE = """
[[nodes]]
file = "people.csv"
type = "person"
id = "id"
title = "name"
text = ["name"]
"""
AUTHORS = """
[[edges]]
file = "authors.csv"
relation = "author"
src = { type = "item", column = "item" }
dst = { type = "person", column = "person" }
"""
WORDS = ("dark", "comedy", "war", "love", "sea", "murder", "dragon", "robot", "school", "garden")


@pytest.fixture(autouse=True, scope="session")
def _ctrl_c():
    """Hear SIGINT, which shells have ignored by what they start in the background."""
    outside = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, outside)


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Threads that wait for each other take longer than the sums of such small graphs."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def _nodes(
    kind: str,
    ids: Sequence[str],
    domains: Sequence[str],
    membership: Mapping[str, str | Sequence[str]],
    texts: Mapping[str, str],
) -> Nodes:
    vocab = Vocab.from_values(ids, kind)
    ordered = vocab.ids.to_pylist()
    mask = np.zeros((len(ordered), len(domains)), dtype=np.bool_)
    for row, node_id in enumerate(ordered):
        names = membership.get(node_id, ())
        for name in [names] if isinstance(names, str) else names:
            mask[row, list(domains).index(name)] = True
    text = pa.array([texts.get(node_id, "") for node_id in ordered], pa.string())
    return Nodes(vocab=vocab, title=text, text=text, domains=mask, attributes=pa.table({}))


def _edges(
    pairs: Sequence[tuple[str, str]], src: Nodes, dst: Nodes, times: Sequence[float] | None = None
) -> Edges:
    return Edges(
        src=src.vocab.index([head for head, _ in pairs]),
        dst=dst.vocab.index([tail for _, tail in pairs]),
        weight=np.ones(len(pairs), dtype=np.float32),
        time=None if times is None else np.asarray(times, dtype=np.float64),
    )


def _make_graph(
    interactions: Sequence[tuple[str, str]],
    items: Mapping[str, str | Sequence[str]],
    *,
    times: Sequence[float] | None = None,
    texts: Mapping[str, str] | None = None,
    domains: Sequence[str] | None = None,
    users: Sequence[str] = (),
    entities: Mapping[str, Sequence[str]] | None = None,
    relations: Mapping[EdgeType, Sequence[tuple[str, str]]] | None = None,
) -> KnowledgeGraph:
    """Make a graph from ids.

    Args:
        interactions: (user, item) pairs.
        items: item id -> its domain or domains.
        times: of the interactions.
        texts: node id -> text, which is the title too.
        domains: in order; by default those of the items in order of appearance.
        users: ids of users without interactions.
        entities: further node types -> their ids.
        relations: further edge types -> their (head, tail) pairs.
    """
    texts = texts or {}
    if domains is None:
        named = [[value] if isinstance(value, str) else list(value) for value in items.values()]
        domains = list(dict.fromkeys(name for names in named for name in names))
    user_domains: dict[str, list[str]] = {user: [] for user in users}
    for user, item in interactions:
        value = items[item]
        user_domains.setdefault(user, []).extend([value] if isinstance(value, str) else value)
    nodes = {
        "user": _nodes("user", list(user_domains), domains, user_domains, texts),
        "item": _nodes("item", list(items), domains, items, texts),
    }
    for kind, ids in (entities or {}).items():
        nodes[kind] = _nodes(kind, ids, domains, {}, texts)
    edges = {("user", "likes", "item"): _edges(interactions, nodes["user"], nodes["item"], times)}
    for edge_type, pairs in (relations or {}).items():
        edges[edge_type] = _edges(pairs, nodes[edge_type[0]], nodes[edge_type[2]])
    return KnowledgeGraph(
        domains=tuple(domains), nodes=nodes, edges=edges, interactions=("user", "likes", "item")
    )


def _checkerboard(num_users: int = 20, num_items: int = 10) -> KnowledgeGraph:
    """Even users like every even item, odd users every odd item, in `books` and in `films`.

    Users are `user-00`..., items `books-00`... and `films-00`..., `num_items` in each domain.
    Texts say the domain and nothing of the parity, so that only edges can carry it.
    """
    items = {
        f"{domain}-{number:02d}": domain
        for domain in ("books", "films")
        for number in range(num_items)
    }
    interactions = [
        (f"user-{user:02d}", f"{domain}-{number:02d}")
        for user in range(num_users)
        for domain in ("books", "films")
        for number in range(user % 2, num_items, 2)
    ]
    texts = {item: f"one of the {domain}" for item, domain in items.items()}
    return _make_graph(interactions, items, texts=texts)


@pytest.fixture(scope="session")
def make_graph() -> GraphFactory:
    """Return the factory of graphs from ids: `make_graph([("ann", "emma")], {"emma": "books"})`."""
    return _make_graph


@pytest.fixture(scope="session")
def two_domain_checkerboard() -> GraphFactory:
    """Return the factory `(num_users=20, num_items=10)` of checkerboards over books and films."""
    return _checkerboard


@pytest.fixture
def checkerboard_split(tmp_path: Path) -> Callable[..., Split]:
    """Return the factory `(num_users=20, num_items=10)` of the standard model test.

    Users 0 and 1 (one even, one odd) are cold in `films` and are the test part, users 2 and 3 the
    valid part. A model that carries books to films ranks every item of the right parity first.
    """

    def factory(num_users: int = 20, num_items: int = 10) -> Split:
        table = tmp_path / "checkerboard-cold.csv"
        table.write_text(
            "user,part\nuser-00,test\nuser-01,test\nuser-02,valid\nuser-03,valid\n",
            encoding="utf-8",
        )
        config = TaskConfig(target="films", cold_users=table)
        return make_split(_checkerboard(num_users, num_items), config, "user-cold", seed=0)

    return factory


def _write_shop(
    folder: Path, items: Sequence[str], likes: Sequence[str], further: str = ""
) -> Path:
    (folder / "items.csv").write_text("\n".join(["id,domain,title", *items]))
    (folder / "likes.csv").write_text("\n".join(["user,item", *likes]))
    (folder / "graph.toml").write_text(ITEMS + LIKES + further)
    return folder / "graph.toml"


@pytest.fixture(scope="session")
def write_shop() -> Callable[..., Path]:
    """Return the factory of mappings: a folder, lines of items and of likes, further tables."""
    return _write_shop


@pytest.fixture(scope="session")
def write_checkerboard() -> Callable[..., Path]:
    """Return the factory of mappings of a checkerboard: even users like every even item.

    It takes a folder, the domains, of eight items each, how many users there are, and who has
    anything to do with which domain: `knows(user, domain)`.
    """

    def factory(
        folder: Path,
        domains: Sequence[str] = ("books", "films"),
        users: int = 16,
        knows: Callable[[int, str], bool] = lambda user, domain: True,
    ) -> Path:
        items = [(domain, f"{domain}-{number}") for domain in domains for number in range(8)]
        likes = [
            f"user-{user:02d},{item}"
            for user in range(users)
            for domain, item in items
            if int(item[-1]) % 2 == user % 2 and knows(user, domain)
        ]
        rows = [f"{item},{domain},A {domain} called {item}" for domain, item in items]
        return _write_shop(folder, rows, likes)

    return factory


@pytest.fixture(scope="session")
def write_library() -> Callable[..., Path]:
    """Return the factory of mappings of books and films with years, stars and authors.

    People like one of six kinds in both. It takes a folder, items that have no author, and further
    tables of the mapping.
    """

    def factory(folder: Path, anonymous: Sequence[str] = (), further: str = "") -> Path:
        rng = np.random.default_rng(0)
        items = [f"{domain}-{row:02d}" for domain in ("book", "film") for row in range(18)]
        rows = ["id,domain,title,year"]
        for item in items:
            title = " ".join(rng.choice(WORDS, 4, replace=False))
            rows.append(f"{item},{item[:4]}s,{title},{1950 + int(item[-2:])}")
        (folder / "items.csv").write_text("\n".join(rows))
        names = [f"person-{row},{'Ann' if row % 2 else ''}" for row in range(6)]
        (folder / "people.csv").write_text("\n".join(["id,name", *names]))
        likes = [
            f"user-{user:02d},{item},{rng.integers(1, 6)}"
            for user in range(40)
            for item in items
            if rng.random() < (0.5 if int(item[-2:]) % 6 == user % 6 else 0.1)
        ]
        (folder / "likes.csv").write_text("\n".join(["user,item,stars", *likes]))
        authors = [f"{item},person-{int(item[-2:]) % 6}" for item in items if item not in anonymous]
        (folder / "authors.csv").write_text("\n".join(["item,person", *authors]))
        described = ITEMS + 'attributes = ["year"]\n' + PEOPLE
        used = LIKES + 'weight = "stars"\n' + AUTHORS
        (folder / "graph.toml").write_text(described + used + further)
        return folder / "graph.toml"

    return factory


@pytest.fixture(scope="session")
def stirred() -> Callable[..., Bundle]:
    """Return a function that moves all weights of a model, as long training would.

    Where training found nothing better than its start, much goes unnoticed. It takes the model, the
    job, the split, the features, and how far the weights are moved.
    """

    def stir(bundle: Bundle, job: JobConfig, split: Split, features: Features, by: float) -> Bundle:
        from training.fit import to_bundle  # take seconds, which other tests have not
        from training.prepare import prepare
        from training.repeats import without_repeats

        split = replace(split, train=without_repeats(split.train))
        objective = prepare(job, split, features, torch.device("cpu"))
        draws = torch.Generator().manual_seed(0)
        with torch.no_grad():
            for weight in objective.model.parameters():
                weight += by * torch.randn(weight.shape, generator=draws)
        moved = to_bundle(objective.embed(), objective.model)
        return replace(bundle, z=moved.z, item_bias=moved.item_bias, weights=moved.weights)

    return stir


@pytest.fixture(scope="session")
def tiny_job() -> Callable[..., JobConfig]:
    """Return the factory of quick jobs: a mapping, the task, and other tables by name."""

    def factory(mapping: Path, task: TaskConfig, **tables) -> JobConfig:
        quick = {
            "name": "tiny",
            "encoder": EncoderConfig(model="hashing", dim=16, cache=mapping.with_name("cache")),
            "neighbours": TextEdgeConfig(k=3),
            "model": ModelConfig(width=8),
            "training": TrainingConfig(epochs=1, negatives=8, device="cpu"),
        }
        return JobConfig(graph=GraphConfig(mapping=mapping), task=task, **{**quick, **tables})

    return factory
