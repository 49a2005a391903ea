"""A two-domain graph of any size, drawn: power laws, partial overlap, and tastes to be learned.

    python benchmarks/generated.py --edges 1000000 --out FOLDER

writes `FOLDER/graph`, an imported graph as any other, and `FOLDER/features`, text vectors of its
items. The same arguments give the same graph. People are drawn in chunks, so that memory holds
little beside the edges themselves.

Items have a topic, and people like three. An interaction is with an item of a topic that the person
likes (`TASTE` of them), or with any. Popularity of items falls as rank to the power -`POPULARITY`,
activity of people has a Pareto tail of exponent `ACTIVITY`. Topics are the same in both domains, so
what a person does in one says what they will like in the other; a text vector is that of its topic
and noise. Rows say nothing: popular items lie anywhere.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from encoders.channels.features import Features, save_features
from kg.files import write_json
from kg.graph import Edges, EdgeType, KnowledgeGraph, Nodes
from kg.store import save_graph
from kg.vocab import IntArray, Vocab

FloatArray = npt.NDArray[np.float64]
DOMAINS = ("books", "films")
INTERACTIONS = ("user", "interacts", "item")
MADE_BY = ("item", "made_by", "maker")
TOPICS = 100  # fewer where there are few items, or people would soon have used up theirs
ITEMS_OF_TOPIC = 200
TASTE = 0.8
LIKED = (0.6, 0.9, 1.0)  # cumulated shares of a person's three topics
POPULARITY = 0.8
ACTIVITY = 2.5  # of the density; 1.5 of the tail
MOST = 500  # interactions of a person, over the mean
ONLY = (0.4, 0.4)  # shares of people who are in one domain alone; the others are in both
DIM = 64
NOISE = 1.0  # length of a text vector's noise, where its topic has length 1
CHUNK = 100_000  # people drawn at once
SPARE = 1.5  # draws for each interaction, since some repeat


@dataclass(frozen=True, kw_only=True)
class Size:
    """How much is drawn; about `edges` interactions, of which a few may be missing."""

    edges: int
    knowledge: bool = False

    @property
    def users(self) -> int:
        """Ten interactions each."""
        return max(self.edges // 10, 100)

    @property
    def items(self) -> int:
        """Fifty interactions each."""
        return max(self.edges // 50, 20)

    @property
    def topics(self) -> int:
        """How many tastes there are."""
        return min(max(self.items // ITEMS_OF_TOPIC, 3), TOPICS)


@dataclass(frozen=True, kw_only=True)
class Shelf:
    """The items of one domain, by topic.

    Attributes:
        items: rows, those of a topic side by side.
        reach: popularity, cumulated in that order.
        starts: of each topic in `reach`, and its end; `[num_topics + 1]`.
    """

    items: IntArray
    reach: FloatArray
    starts: FloatArray

    def draw(self, topics: IntArray, rng: np.random.Generator) -> IntArray:
        """Return an item of each topic, by popularity; of any where the topic is -1."""
        low = np.where(topics < 0, 0.0, self.starts[topics])
        high = np.where(topics < 0, self.starts[-1], self.starts[topics + 1])
        place = np.searchsorted(self.reach, low + (high - low) * rng.random(len(topics)), "right")
        drawn: IntArray = self.items[np.minimum(place, len(self.items) - 1)]
        return drawn


def generate(size: Size, seed: int = 0) -> tuple[KnowledgeGraph, np.ndarray]:
    """Return a graph and the text vectors of its items, float32 `[num_items, DIM]`."""
    rng = np.random.default_rng([seed, 0])
    topics = rng.integers(size.topics, size=size.items)
    domain = (np.arange(size.items) % len(DOMAINS))[rng.permutation(size.items)]
    popularity = (1.0 + rng.permutation(size.items)) ** -POPULARITY
    shelves = [_shelf(np.flatnonzero(domain == d), topics, size, popularity) for d in range(2)]
    src, dst = _interactions(size, shelves, seed)
    items = np.stack([domain == d for d in range(2)], axis=1)
    users = np.zeros((size.users, 2), dtype=np.bool_)
    for column in range(2):
        users[src[items[dst, column]], column] = True
    nodes = {"user": _nodes("user", users), "item": _nodes("item", items)}
    ones = np.ones(len(src), dtype=np.float32)
    edges: dict[EdgeType, Edges] = {INTERACTIONS: Edges(src=src, dst=dst, weight=ones)}
    if size.knowledge:
        # a maker works on one topic, for both domains
        makers = np.sort(rng.integers(size.topics, size=size.items // 20))
        shelf = np.searchsorted(makers, np.arange(size.topics + 1))
        some = shelf[topics] + (rng.random(size.items) * np.diff(shelf)[topics]).astype(np.int64)
        there = np.flatnonzero(np.diff(shelf)[topics] > 0)
        weight = np.ones(len(there), dtype=np.float32)
        edges[MADE_BY] = Edges(src=there, dst=some[there], weight=weight)
        nodes["maker"] = _nodes("maker", np.zeros((len(makers), 2), dtype=np.bool_))
    graph = KnowledgeGraph(domains=DOMAINS, nodes=nodes, edges=edges, interactions=INTERACTIONS)
    return graph, _vectors(topics, size.topics, np.random.default_rng([seed, 1]))


def write(size: Size, out: Path, seed: int = 0) -> None:
    """Write `out/graph`, `out/features` and `out/about.json`."""
    graph, vectors = generate(size, seed)
    save_graph(graph, out / "graph")
    channels = {"item": {"text": vectors}}
    made_by = f"generated {DIM}"
    features = Features(channels=channels, fingerprint=made_by, graph=graph.fingerprint)
    save_features(features, out / "features")
    counts = {"edges": len(graph.interaction_edges), "users": size.users, "items": size.items}
    write_json(out / "about.json", {**counts, "seed": seed, "knowledge": size.knowledge})


def _shelf(rows: IntArray, topics: IntArray, size: Size, popularity: np.ndarray) -> Shelf:
    ordered = rows[np.argsort(topics[rows], kind="stable")]
    reach = np.cumsum(popularity[ordered])
    ends = np.searchsorted(topics[ordered], np.arange(size.topics + 1))
    return Shelf(items=ordered, reach=reach, starts=np.concatenate([[0.0], reach])[ends])


def _interactions(size: Size, shelves: list[Shelf], seed: int) -> tuple[IntArray, IntArray]:
    """Return people and items, sorted by both."""
    rng = np.random.default_rng([seed, 2])
    where = rng.random(size.users)
    inside = np.stack([where < 1 - ONLY[1], where >= ONLY[0]], axis=1)
    wanted = (1 - rng.random(inside.shape)) ** (-1 / (ACTIVITY - 1))
    wanted = np.minimum(wanted, MOST) * inside
    wanted *= size.edges / wanted.sum()
    counts = np.maximum(np.floor(wanted + rng.random(inside.shape)), inside).astype(np.int64)
    src: IntArray = np.empty(int(counts.sum()), dtype=np.int64)
    dst, end = np.empty_like(src), 0
    for number, first in enumerate(range(0, size.users, CHUNK)):
        draws = np.random.default_rng([seed, 3, number])
        keys = _chunk(counts[first : first + CHUNK], shelves, size, draws)
        some = slice(end, end := end + len(keys))
        src[some], dst[some] = np.divmod(keys, size.items)
        src[some] += first
    return src[:end], dst[:end]


def _chunk(
    counts: IntArray, shelves: list[Shelf], size: Size, rng: np.random.Generator
) -> IntArray:
    """Return distinct `person * size.items + item` of some people, sorted.

    Args:
        counts: interactions of each person in each domain, `[num_people, 2]`; fewer are drawn of
            those who keep finding the same items.
        shelves: of each domain.
        size: of everything.
        rng: of this chunk.
    """
    liked = rng.integers(size.topics, size=(len(counts), len(LIKED)))
    found = []
    for column, shelf in enumerate(shelves):
        people = np.repeat(np.arange(len(counts)), np.ceil(counts[:, column] * SPARE).astype(int))
        topic = liked[people, np.searchsorted(LIKED, rng.random(len(people)))]
        topic = np.where(rng.random(len(people)) < TASTE, topic, -1)
        keys = np.unique(people * size.items + shelf.draw(topic, rng))
        people = keys // size.items
        order = np.lexsort((rng.random(len(keys)), people))
        place = np.arange(len(keys)) - np.searchsorted(people, people)
        found.append(keys[order[place < counts[people, column]]])
    return np.sort(np.concatenate(found))


def _vectors(topics: IntArray, num_topics: int, rng: np.random.Generator) -> np.ndarray:
    """Return unit vectors near that of their topic, float32 `[num_items, DIM]`."""
    centers = rng.standard_normal((num_topics, DIM), dtype=np.float32)
    centers /= np.linalg.norm(centers, axis=1, keepdims=True)
    out = rng.standard_normal((len(topics), DIM), dtype=np.float32)
    out *= NOISE / np.sqrt(DIM)
    out += centers[topics]
    out /= np.linalg.norm(out, axis=1, keepdims=True)
    return out


def _nodes(kind: str, domains: np.ndarray) -> Nodes:
    """Return nodes that have ids of eight digits and nothing else to say."""
    digits = np.arange(len(domains))[:, None] // 10 ** np.arange(7, -1, -1) % 10 + ord("0")
    starts = np.arange(len(domains) + 1, dtype=np.int32) * 8
    ids = _strings(starts, digits.astype(np.uint8))
    nothing = _strings(np.zeros_like(starts), np.zeros(0, dtype=np.uint8))
    vocab = Vocab(ids, kind)
    return Nodes(vocab=vocab, title=nothing, text=nothing, domains=domains, attributes=pa.table({}))


def _strings(starts: np.ndarray, characters: np.ndarray) -> Any:
    return pa.StringArray.from_buffers(
        len(starts) - 1, pa.py_buffer(starts), pa.py_buffer(characters)
    )


def main() -> None:
    """Write a graph and its features."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--edges", type=int, default=1_000_000)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--knowledge", action="store_true", help="items have makers")
    arguments = parser.parse_args()
    size = Size(edges=arguments.edges, knowledge=arguments.knowledge)
    write(size, arguments.out, arguments.seed)


if __name__ == "__main__":
    main()
