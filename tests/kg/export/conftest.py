"""Random small graphs, with whatever ids, texts and attributes Arrow can hold."""

from datetime import UTC, date, datetime

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import strategies as st

from kg.graph import Edges, KnowledgeGraph, Nodes
from kg.vocab import Vocab

ODD = [
    "", " ", "a b", "a:b", "<", '"', "\\", "\n", "é", "\U0001f600", "%20", "#", "\x00", "\x1f",
    "<http://example.org/a>", "http://example.org/a", "http://example.org/a b", "dbr:Emma",
    "http://dbpedia.org/resource/Emma", "_:b1.2", "urn:isthmus:node:item:a", "<dbr:Emma>",
    "https://example.org/é?q=1#x", "http://[::1]/", "http://example.org/%zz", "\ufffe", "\u2028",
]  # fmt: skip
words = st.one_of(st.sampled_from(ODD), st.text(max_size=8))
weights = st.floats(width=32, allow_nan=False)
ATTRIBUTES = {
    pa.float64(): st.floats(allow_nan=False),
    pa.float32(): st.floats(width=32, allow_nan=False),
    pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.bool_(): st.booleans(),
    pa.string(): words,
    pa.dictionary(pa.int32(), pa.string()): words,
    pa.date32(): st.dates(date(1, 1, 1)),
    pa.timestamp("us"): st.datetimes(datetime(1, 1, 1)),
    pa.timestamp("us", "UTC"): st.datetimes(datetime(1, 1, 1), timezones=st.just(UTC)),
    pa.list_(pa.float32()): st.lists(weights, max_size=3),
    pa.list_(pa.string()): st.lists(words, max_size=3),
}


@st.composite
def _nodes(draw, kind, num_domains):
    ids = sorted(draw(st.sets(words, min_size=1, max_size=6)), key=lambda name: name.encode())
    size = len(ids)

    def texts():
        return pa.array(draw(st.lists(words, min_size=size, max_size=size)), pa.string())

    domains = draw(
        st.lists(st.booleans(), min_size=size * num_domains, max_size=size * num_domains)
    )
    attributes = {}
    for name in draw(st.sets(words, max_size=3)):
        kind_of = draw(st.sampled_from(list(ATTRIBUTES)))
        value = st.none() | ATTRIBUTES[kind_of]
        values = draw(st.lists(value, min_size=size, max_size=size))
        attributes[name] = pa.array(values, kind_of)
    return Nodes(
        vocab=Vocab(pa.array(ids, pa.string()), kind),
        title=texts(),
        text=texts(),
        domains=np.array(domains, dtype=np.bool_).reshape(size, num_domains),
        attributes=pa.table(attributes),
    )


@st.composite
def _edges(draw, num_src, num_dst):
    ends = st.tuples(st.integers(0, num_src - 1), st.integers(0, num_dst - 1))
    pairs = sorted(draw(st.sets(ends, max_size=8)))
    size = len(pairs)
    weight = draw(st.lists(st.just(1.0) | weights, min_size=size, max_size=size))
    time = None
    if draw(st.booleans()):
        numbers = st.lists(st.floats(allow_nan=False), min_size=size, max_size=size)
        time = np.array(draw(numbers), dtype=np.float64)
    columns = np.array(pairs, dtype=np.int64).reshape(size, 2)
    return Edges(
        src=columns[:, 0].copy(),
        dst=columns[:, 1].copy(),
        weight=np.array(weight, dtype=np.float32),
        time=time,
    )


@st.composite
def _graphs(draw):
    kinds = sorted(draw(st.sets(words, min_size=1, max_size=3)))
    domains = tuple(draw(st.lists(words, max_size=3, unique=True)))
    nodes = {kind: draw(_nodes(kind, len(domains))) for kind in kinds}
    name = st.tuples(st.sampled_from(kinds), words, st.sampled_from(kinds))
    names = sorted(draw(st.sets(name, min_size=1, max_size=3)))
    edges = {n: draw(_edges(len(nodes[n[0]]), len(nodes[n[2]]))) for n in names}
    return KnowledgeGraph(
        domains=domains, nodes=nodes, edges=edges, interactions=draw(st.sampled_from(names))
    )


def _assert_same(found, graph):
    """Check everything that two graphs hold, where a fingerprint leaves something out too."""
    assert found.domains == graph.domains
    assert found.interactions == graph.interactions
    assert list(found.nodes) == list(graph.nodes)
    for kind, nodes in graph.nodes.items():
        same = found.nodes[kind]
        for name in ("title", "text"):
            assert getattr(same, name).equals(getattr(nodes, name)), (kind, name)
        assert same.vocab.ids.equals(nodes.vocab.ids)
        np.testing.assert_array_equal(same.domains, nodes.domains)
        assert same.attributes.schema.equals(nodes.attributes.schema)
        if nodes.attributes.num_columns:
            assert same.attributes.to_pylist() == nodes.attributes.to_pylist()
    assert list(found.edges) == list(graph.edges)
    for name, edges in graph.edges.items():
        for column in ("src", "dst", "weight", "time"):
            np.testing.assert_array_equal(
                getattr(found.edges[name], column), getattr(edges, column), err_msg=f"{name}"
            )
    assert found.fingerprint == graph.fingerprint


@pytest.fixture(scope="session")
def graphs():
    """A strategy: graphs of one to three node types and up to three edge types."""
    return _graphs()


@pytest.fixture(scope="session")
def same():
    return _assert_same
