import numpy as np
import pytest
from PIL import Image

from kg.errors import InputError
from queries.explaining.picture import draw, subgraph
from queries.recommender import Recommender


@pytest.fixture
def found(ranked):
    return ranked("item-cold").explain("u00", "f03", limit=12)


def test_the_subgraph_has_the_paths(found):
    graph = subgraph(found)
    columns = {key: node["column"] for key, node in graph.nodes(data=True)}
    assert all(columns[src] < columns[dst] for src, dst in graph.edges())
    own = {path.nodes[1].id for path in found.paths}
    assert {key[1] for key, column in columns.items() if column == 1} == own
    [user] = [key for key, column in columns.items() if column == 0]
    [item] = [key for key, column in columns.items() if column == 4]
    said = sum(path.contribution for path in found.paths)
    for edges in (graph.out_edges(user, data=True), graph.in_edges(item, data=True)):
        assert sum(edge["adds"] for *_, edge in edges) == pytest.approx(said)


def test_a_png_is_light_and_holds_something(found, tmp_path):
    draw(found, tmp_path / "why.png")
    pixels = np.asarray(Image.open(tmp_path / "why.png").convert("L"))
    assert pixels[0, 0] == 255
    assert 0.005 < (pixels < 200).mean() < 0.5


def test_an_svg_keeps_titles_as_text_escaped(make_graph, bundle, tmp_path):
    titles = {"b1": "<script>alert(1)</script> $x$ & " + "long " * 40, "f1": "Emma"}
    graph = make_graph([("ada", "b1")], {"b1": "books", "f1": "films", "f2": "films"}, texts=titles)
    z = {"user": bundle.z["user"][:1], "item": bundle.z["item"][:3]}
    small = type(bundle)(z=z, item_bias=bundle.item_bias[:3], weights={}, about={})
    draw(Recommender(graph, small).explain("ada", "f1"), tmp_path / "why.svg")
    text = (tmp_path / "why.svg").read_text()
    assert "<script>" not in text
    assert "&lt;script&gt;" in text
    assert text.count("long") < 12


def test_only_pictures_of_something(found, graph, bundle, tmp_path):
    with pytest.raises(InputError, match=r"why.pdf: a picture is .svg or .png"):
        draw(found, tmp_path / "why.pdf")
    with pytest.raises(InputError, match="there is nothing to draw"):
        draw(Recommender(graph, bundle).explain("dan", "f1"), tmp_path / "why.svg")
