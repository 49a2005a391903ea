import gzip
from collections import Counter

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kg.errors import InputError
from kg.neighbourhood.hops import Hub
from kg.neighbourhood.search import Near, keep_near, read_seeds
from kg.sources import SourceFile

TYPE = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type"
names = st.sampled_from([f"http://e/{name}" for name in "abcdefgh"] + ["_:x", "_:y"])
predicates = st.sampled_from(["http://e/p", "http://e/q", TYPE])
literals = st.sampled_from(['"word"', '"mot"@fr', '"chat"@en-GB', '"4"^^<http://e/n>'])


def term(name):
    return name if name.startswith(("_:", '"')) else f"<{name}>"


def write(path, triples):
    path.write_text("".join(f"{term(s)} <{p}> {term(o)} .\n" for s, p, o in triples))
    return SourceFile(path, path.name)


def lines(path):
    return sorted(path.read_text().splitlines())


def grow(triples, near):
    """Return the graph of followed triples, and the steps that may be taken in it."""
    graph = nx.MultiDiGraph()
    for s, p, o in triples:
        followed = p != TYPE if near.predicates is None else p in near.predicates
        if not o.startswith('"') and followed:
            graph.add_edge(s, o, p)
    degree = Counter()
    for s, o, p in graph.edges(keys=True):
        degree[s, p, "out"] += 1
        degree[o, p, "in"] += 1
    limit = near.max_degree or 10**9
    ways = nx.DiGraph()
    for s, o, p in graph.edges(keys=True):
        if degree[s, p, "out"] <= limit:
            ways.add_edge(s, o)
        if degree[o, p, "in"] <= limit:
            ways.add_edge(o, s)
    return graph, ways


def brute_force(triples, seeds, near):
    """Return the triples to keep, by growing a networkx graph ball hop by hop."""
    graph, ways = grow(triples, near)
    ways.add_nodes_from(seeds)
    near_by = nx.multi_source_dijkstra_path_length(ways, set(seeds), cutoff=near.hops, weight=None)
    kept = []
    for s, p, o in triples:
        if s not in near_by:
            continue
        if o.startswith('"'):
            spoken = near.languages is None or "@" not in o or "@en" in o
            told = near.literals is None or p in near.literals
            fine = spoken and told
        else:
            fine = p == TYPE or (graph.has_edge(s, o, p) and o in near_by)
        if fine:
            kept.append(f"{term(s)} <{p}> {term(o)} .".replace("@en-GB", "@en-gb"))
    return kept


@settings(max_examples=100, deadline=None)
@given(
    triples=st.lists(st.tuples(names, predicates, names | literals), max_size=30, unique=True),
    seeds=st.sets(names.filter(lambda name: name[0] != "_"), min_size=1, max_size=3),
    near=st.builds(
        Near,
        hops=st.integers(0, 3),
        predicates=st.none() | st.just(("http://e/p",)) | st.just(("http://e/p", TYPE)),
        max_degree=st.none() | st.integers(1, 4),
        literals=st.none() | st.just(("http://e/q",)),
        languages=st.none() | st.just(("en",)),
    ),
)
def test_as_brute_force_finds_it(tmp_path_factory, triples, seeds, near):
    folder = tmp_path_factory.mktemp("near")
    dump, out = write(folder / "dump.nt", triples), folder / "out.nt"
    mentioned = {end for s, _, o in triples for end in (s, o)}
    if not seeds & mentioned:
        with pytest.raises(InputError, match="no triple names any"):
            keep_near([dump], seeds, near, out)
        assert not out.exists()
        return
    kept = keep_near([dump], seeds, near, out)
    found, expected = lines(out), sorted(brute_force(triples, seeds, near))
    named = [[line for line in lines if "_:" not in line] for lines in (found, expected)]
    assert named[0] == named[1]
    assert len(found) == len(expected) == kept.edges + kept.types + kept.literals
    assert kept.triples == len(triples)
    assert set(kept.missing) == seeds - mentioned


def test_a_hub_is_kept_but_not_left(tmp_path):
    rock = "http://e/rock"
    triples = [(f"http://e/band{i}", "http://e/genre", rock) for i in range(5)]
    triples += [
        ("http://e/band0", "http://e/member", "http://e/ann"),
        (rock, "http://e/p", '"Rock"'),
    ]
    dump, out = write(tmp_path / "dump.nt", triples), tmp_path / "out.nt.gz"
    seeds = ["http://e/band0", "http://e/band1", "http://e/nobody"]
    kept = keep_near([dump], seeds, Near(hops=2, max_degree=4), out)
    assert sorted(gzip.decompress(out.read_bytes()).decode().splitlines()) == [
        "<http://e/band0> <http://e/genre> <http://e/rock> .",
        "<http://e/band0> <http://e/member> <http://e/ann> .",
        "<http://e/band1> <http://e/genre> <http://e/rock> .",
        '<http://e/rock> <http://e/p> "Rock" .',
    ]
    assert kept.nodes == (2, 2, 0)
    assert kept.missing == ("http://e/nobody",)
    assert kept.hubs == (Hub(rock, "http://e/genre", False, 5),)
    through = keep_near([dump], seeds, Near(hops=2, max_degree=5), out)
    assert through.nodes == (2, 2, 3)
    assert through.hubs == ()


def test_ways_are_counted_over_batches(tmp_path, monkeypatch):
    """What is forgotten in the middle of a pass is what would be forgotten at its end."""
    import kg.neighbourhood.hops
    import kg.rdf.stream

    triples = [(f"http://e/{i % 7}", "http://e/p", f"http://e/{i % 11}") for i in range(77)]
    dump = write(tmp_path / "dump.nt", triples)
    whole = keep_near([dump], ["http://e/1"], Near(max_degree=8), tmp_path / "a.nt")
    monkeypatch.setattr(kg.neighbourhood.hops, "_LEAST", 3)
    monkeypatch.setattr(kg.rdf.stream, "CHUNK", 200)
    parts = keep_near([dump], ["http://e/1"], Near(max_degree=8), tmp_path / "b.nt")
    assert whole == parts
    assert whole.hubs
    assert lines(tmp_path / "a.nt") == lines(tmp_path / "b.nt")


def test_several_files_are_one_dump_but_for_blank_nodes(tmp_path):
    one = write(tmp_path / "one.nt", [("http://e/a", "http://e/p", "_:x")])
    two = write(
        tmp_path / "two.nt",
        [("_:x", "http://e/p", "http://e/b"), ("http://e/a", TYPE, "http://e/T")],
    )
    kept = keep_near([one, two], ["http://e/a"], Near(), tmp_path / "out.nt")
    assert (kept.edges, kept.types) == (1, 1)
    kept = keep_near([one, two], ["http://e/a", "http://e/b"], Near(), tmp_path / "out.nt")
    assert kept.edges == 2
    assert (
        len({line.split("_:")[1].split()[0] for line in lines(tmp_path / "out.nt") if "_:" in line})
        == 2
    )


def test_malformed_lines_are_counted(tmp_path):
    dump = tmp_path / "dump.nt"
    dump.write_text("<http://e/a> <http://e/p> <http://e/b> .\n<http://e/a> nonsense\n")
    kept = keep_near([SourceFile(dump, "dump")], ["http://e/a"], Near(), tmp_path / "out.nt")
    assert (kept.triples, kept.malformed, kept.edges) == (1, 1, 1)


def test_what_cannot_be_done_says_so(tmp_path):
    dump = write(tmp_path / "dump.nt", [("http://e/a", "http://e/p", "http://e/b")])
    with pytest.raises(InputError, match=r"out\.ttl: expected a name in \.nt"):
        keep_near([dump], ["http://e/a"], Near(), tmp_path / "out.ttl")
    with pytest.raises(InputError, match="standard input cannot be read several times"):
        keep_near([SourceFile(tmp_path.__class__("-"), "-")], ["x"], Near(), tmp_path / "out.nt")
    with pytest.raises(
        InputError, match="no triple names any of 1 seeds, such as 'http://e/x'; of"
    ):
        keep_near([dump], ["http://e/x"], Near(), tmp_path / "out.nt")
    with pytest.raises(InputError, match=r"no such file: .*nowhere\.csv"):
        read_seeds(tmp_path / "nowhere.csv", "id")
    for wrong in ({"hops": -1}, {"max_degree": 0}):
        with pytest.raises(ValueError, match=f"{next(iter(wrong))} must be at least"):
            Near(**wrong)
