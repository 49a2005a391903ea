import random

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kg.errors import ConfigError, InputError
from kg.export.naming import Naming
from kg.export.rdf import blocks
from kg.export.write import export_graph
from kg.importer import import_graph
from kg.mapping import Exported, GraphMapping
from kg.rdf.prefixes import DEFAULT_PREFIXES

CUSTOM = Naming(prefixes={**DEFAULT_PREFIXES, "a": "http://a.org/"}, beginnings={"a": "http://b/"})


def read(path, **options):
    return import_graph(GraphMapping(exported=Exported(file=str(path), **options)))


@settings(max_examples=25, deadline=None)
@given(data=st.data())
@pytest.mark.parametrize("name", ["g.nt", "g.nq", "g.ttl"])
def test_a_graph_comes_back_the_same(graphs, same, tmp_path_factory, name, data):
    graph = data.draw(graphs)
    path = tmp_path_factory.mktemp("rdf") / name
    export_graph(graph, path, naming=data.draw(st.sampled_from([Naming(), CUSTOM])))
    found = read(path)
    same(found.graph, graph)
    (account,) = found.accounts
    assert account.ignored == 0
    assert account.rows == account.loaded > 0


@pytest.mark.slow
@settings(max_examples=500, deadline=None)
@given(data=st.data())
def test_many_graphs_come_back_the_same(graphs, same, tmp_path_factory, data):
    graph = data.draw(graphs)
    path = tmp_path_factory.mktemp("rdf") / data.draw(st.sampled_from(["g.nt", "g.ttl"]))
    export_graph(graph, path)
    same(read(path).graph, graph)


@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_the_order_of_the_triples_and_strange_ones_do_not_matter(
    graphs, same, tmp_path_factory, data
):
    graph = data.draw(graphs)
    lines = b"".join(block.data for block in blocks(graph, Naming())).split(b"\n")[:-1]
    lines += [b'<urn:x> <http://e/p> "1" .', b"<urn:x> <http://e/p> _:e0 ."]
    random.Random(data.draw(st.integers())).shuffle(lines)
    path = tmp_path_factory.mktemp("rdf") / "shuffled.nt"
    path.write_bytes(b"\n".join(lines))
    found = read(path)
    same(found.graph, graph)
    assert found.accounts[0].ignored == 2


@pytest.mark.parametrize(
    "name", ["g.nt.gz", "g.ttl.zst", "g.nq.bz2", "g.nt.xz", "odd name", "[g].nt"]
)
def test_the_mapping_beside_the_file_reads_it(make_graph, same, tmp_path, name):
    graph = make_graph(
        [("ann", "b1"), ("bob", "b2")], {"b1": "books", "b2": ("books", "films")}, times=[3, 4]
    )
    format = "turtle" if name == "odd name" else None
    file, mapping = export_graph(graph, tmp_path / name, format=format)
    assert (file, mapping.name) == (tmp_path / name, f"{name}.toml")
    same(import_graph(mapping).graph, graph)


def test_what_is_not_an_exported_graph_says_so(tmp_path, make_graph):
    path = tmp_path / "g.nt"
    path.write_text("<http://e/a> <http://e/p> <http://e/b> .\n")
    with pytest.raises(InputError, match=r"g\.nt is not a graph that `isthmus export` wrote"):
        read(path)

    export_graph(make_graph([("ann", "b1")], {"b1": "books"}), path)
    whole = path.read_text()
    path.write_text(whole + "<http://e/a> <http://e/p>\n")
    with pytest.raises(InputError, match=rf"g\.nt, line {whole.count(chr(10)) + 1}: malformed RDF"):
        read(path)

    no_node = [line for line in whole.splitlines() if "vocabulary:id" not in line]
    path.write_text("\n".join(no_node))
    with pytest.raises(InputError, match="is an end of an edge, and no node with an id"):
        read(path)

    path.write_text(whole.replace("vocabulary:Interactions", "vocabulary:Nothing"))
    with pytest.raises(InputError, match="does not say which one edge type is predicted"):
        read(path)

    path.write_text(whole.replace('format> "1"', 'format> "2"'))
    with pytest.raises(InputError, match="has format 2, expected 1"):
        read(path)


def test_edges_have_times_all_or_none(tmp_path, make_graph):
    path = tmp_path / "g.nt"
    export_graph(make_graph([("ann", "b1"), ("bob", "b1")], {"b1": "books"}, times=[1, 2]), path)
    lines = path.read_text().splitlines()
    path.write_text("\n".join(line for line in lines if '"2"' not in line))
    with pytest.raises(InputError, match="'user likes item' have times, but not all of them"):
        read(path)


@pytest.mark.parametrize("other", ["[[rdf]]\nfile = 'x.nt'", "[scrub]\nitem = ['text']"])
def test_an_exported_graph_is_alone_in_its_mapping(write, other):
    mapping = write("m.toml", f'[exported]\nfile = "g.nt"\n{other}\n')
    with pytest.raises(ConfigError, match="takes no other section beside it"):
        import_graph(mapping)


def test_words_of_columns_stay_what_they_are(make_graph, tmp_path, same):
    """Texts that look like numbers, and lists that hold what JSON writes otherwise."""
    graph = make_graph([("ann", "b1")], {"b1": "books", "b2": "books"})
    columns = {
        "isbn": pa.array(["007", None]),
        "vector": pa.array([[0.1, float("inf")], None], pa.list_(pa.float32())),
        "kinds": pa.array(["a", "b"]).dictionary_encode(),
    }
    items = type(graph.items)(
        vocab=graph.items.vocab,
        title=graph.items.title,
        text=graph.items.text,
        domains=graph.items.domains,
        attributes=pa.table(columns),
    )
    graph = type(graph)(
        domains=graph.domains,
        nodes={**graph.nodes, "item": items},
        edges=graph.edges,
        interactions=graph.interactions,
    )
    _, mapping = export_graph(graph, tmp_path / "g.ttl")
    same(import_graph(mapping).graph, graph)
