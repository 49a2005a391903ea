from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from encoders.texts.templates import TextConfig, num_words
from encoders.texts.verbalize import check_texts, node_texts
from kg.errors import ConfigError
from training.config import TaskConfig
from training.evaluation.split import make_split

ODD = st.text(st.characters(codec="utf-8") | st.sampled_from("{}[]\n\x00, "), max_size=30)


def with_nodes(graph, kind, **columns):
    columns = {name: pa.array(values, pa.string()) for name, values in columns.items()}
    return replace(graph, nodes={**graph.nodes, kind: replace(graph.nodes[kind], **columns)})


def with_attributes(graph, kind, **columns):
    nodes = replace(graph.nodes[kind], attributes=pa.table(columns))
    return replace(graph, nodes={**graph.nodes, kind: nodes})


@pytest.fixture
def graph(make_graph):
    """Three books by three people, and a film after one of them."""
    titles = {"emma": "Emma", "dune": "Dune", "omens": "Good Omens", "film": "Clueless"}
    return make_graph(
        [("ann", "emma"), ("ann", "film"), ("bob", "dune")],
        {"emma": "books", "dune": "books", "omens": "books", "film": "films"},
        texts=titles | {"gaiman": "Neil Gaiman", "pratchett": "Terry Pratchett", "austen": "Jane"},
        entities={"person": ["austen", "gaiman", "herbert", "pratchett"]},
        relations={
            ("item", "by", "person"): [
                ("emma", "austen"),
                ("omens", "pratchett"),
                ("omens", "gaiman"),
                ("dune", "herbert"),
            ],
            ("item", "after", "item"): [("film", "emma")],
            ("person", "knows", "person"): [("gaiman", "pratchett"), ("herbert", "gaiman")],
        },
    )


def texts(graph, kind, template, **settings):
    found = node_texts(graph, kind, TextConfig(templates={kind: template}, **settings))
    return dict(zip(graph.nodes[kind].vocab.ids.to_pylist(), found, strict=True))


def test_text_then_title_then_nothing(make_graph) -> None:
    items = dict.fromkeys(["a", "b", "c", "d"], "books")
    graph = make_graph([("ann", "a")], items)
    nodes = replace(
        graph.items,
        title=pa.array(["Title A", "Title B", "", None], pa.string()),
        text=pa.array([" Text A\n", "  ", "Text C", ""], pa.string()),
    )
    graph = replace(graph, nodes={**graph.nodes, "item": nodes})
    assert node_texts(graph, "item") == ["Text A", "Title B", "Text C", ""]
    assert node_texts(graph, "user") == [""]


def test_types_without_a_template_stay_as_they_were(graph):
    config = TextConfig(templates={"person": "{title}: {rev_by}"}, words=1)
    assert node_texts(graph, "item", config) == node_texts(graph, "item")


def test_neighbours_by_title_or_id(graph):
    found = texts(graph, "item", "{title}[ by {by}][, after {after}][, filmed as {rev_after}]")
    assert found == {
        "emma": "Emma by Jane, filmed as Clueless",
        "dune": "Dune by herbert",
        # pratchett and gaiman have one book each, but gaiman knows one more person
        "omens": "Good Omens by Neil Gaiman, Terry Pratchett",
        "film": "Clueless, after Emma",
    }


def test_entities_without_text_are_told_by_their_neighbours(graph):
    graph = with_nodes(graph, "person", title=[""] * 4, text=[""] * 4)
    found = texts(graph, "person", "author of {rev_by}[; knows {knows}]")
    assert found["austen"] == "author of Emma"
    assert found["gaiman"] == "author of Good Omens; knows pratchett"


def test_a_node_of_which_nothing_is_known_has_no_text(graph):
    graph = with_nodes(graph, "item", title=["", "Emma", "", ""], text=[""] * 4)
    assert texts(graph, "item", "a work: {title}")["emma"] == "a work: Emma"
    assert texts(graph, "item", "a work: {title}")["dune"] == ""


def test_heavy_edges_then_best_known_neighbours_up_to_a_bound(graph):
    edges = graph.edges["item", "by", "person"]
    weight = np.where(edges.dst == graph.nodes["person"].vocab.index(["pratchett"]), 2, 1)
    heavy = replace(edges, weight=weight.astype(np.float32))
    graph = graph.with_edges({("item", "by", "person"): heavy})
    assert texts(graph, "item", "{by}")["omens"] == "Terry Pratchett, Neil Gaiman"
    assert texts(graph, "item", "{by}", neighbours=1)["omens"] == "Terry Pratchett"
    assert texts(graph, "item", "{by}", title_words=1)["omens"] == "Terry, Neil"


def test_popularity_with_users_does_not_say_who_is_best_known(make_graph):
    users = [(f"u{n}", "b") for n in range(9)]
    relations = {("item", "of", "genre"): [("a", "novel"), ("b", "novel")]}
    relations["item", "in", "series"] = [("a", "one")]
    graph = make_graph(
        users,
        {"a": "books", "b": "books"},
        texts={"a": "A", "b": "B"},
        entities={"genre": ["novel"], "series": ["one"]},
        relations=relations,
    )
    assert texts(graph, "genre", "{rev_of}", neighbours=1) == {"novel": "A"}


def test_one_name_may_lead_to_two_node_types(make_graph):
    graph = make_graph(
        [("ann", "a")],
        {"a": "books"},
        entities={"person": ["p"], "firm": ["f"]},
        relations={("item", "by", "person"): [("a", "p")], ("item", "by", "firm"): [("a", "f")]},
    )
    assert texts(graph, "item", "{by}") == {"a": "f, p"}


def test_attributes(graph):
    graph = with_attributes(
        graph,
        "item",
        year=pa.array([1965.0, 1815.0, None, 1990.5]),
        tags=pa.array([["a", "b"], [], None, ["c"]]),
        by=pa.array(["x", None, "", "y"]),
    )
    found = texts(graph, "item", "{title}[ ({year})][ {tags}][ by {by}]")
    assert found == {
        "dune": "Dune (1965) a, b by x",
        "emma": "Emma (1815)",
        "film": "Clueless",
        "omens": "Good Omens (1990.5) c by y",
    }


def test_the_language_of_a_node_picks_its_template(graph):
    graph = with_attributes(
        graph,
        "item",
        lang=pa.array(["de-AT", "fr", None, "en"]),
        titel=pa.array(["Der Wüstenplanet", "Emma", "Clueless", "Ein gutes Omen"]),
    )
    config = TextConfig(
        templates={"item": "{title}[ by {by}]"},
        languages={"de": {"item": "{titel}[ von {by}]"}},
        language_column="lang",
    )
    said = ["Der Wüstenplanet von herbert", "Emma by Jane", "Clueless"]
    assert node_texts(graph, "item", config)[:3] == said
    assert node_texts(graph, "person", config) == node_texts(graph, "person")
    german = replace(config, language="de")
    assert node_texts(graph, "item", german)[1] == "Emma by Jane"  # it says French
    assert node_texts(graph, "item", replace(german, language_column=None))[1] == "Emma von Jane"


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (
            {"templates": {"item": "{titel}"}},
            r'texts.templates.item: unknown placeholder {titel}, did you mean "title"\? '
            r"\(known: title, text, ",
        ),
        ({"templates": {"person": "{by}"}}, "templates.person: unknown placeholder {by}"),
        ({"languages": {"de": {"person": "{rev_buy}"}}}, 'languages.de.person.*mean "rev_by"'),
        ({"templates": {"persona": "{title}"}}, 'templates.persona: .*did you mean "person"'),
        ({"language_column": "lang"}, "texts.language_column: no node type"),
    ],
)
def test_what_does_not_fit_the_graph(graph, settings, says):
    with pytest.raises(ConfigError, match=says):
        check_texts(graph, TextConfig(**settings))
    with pytest.raises(ConfigError, match=says):
        node_texts(graph, "user", TextConfig(**settings))


@pytest.mark.parametrize(("kind", "name"), [("user", "likes"), ("item", "rev_likes")])
def test_interactions_are_no_placeholder(graph, kind, name):
    with pytest.raises(ConfigError, match="relation that is predicted"):
        texts(graph, kind, f"{{title}} {{{name}}}")
    # nor another relation of that name, because the two would be told as one
    graph = graph.with_edges(
        {("user", "likes", "person"): graph.edges["item", "by", "person"].take(np.array([0]))}
    )
    with pytest.raises(ConfigError, match="relation that is predicted"):
        texts(graph, "user", "{likes}")


@pytest.mark.parametrize("protocol", ["user-cold", "item-cold", "warm"])
def test_texts_are_the_same_before_and_after_the_split(two_domain_checkerboard, protocol):
    graph = two_domain_checkerboard()
    pairs = graph.interaction_edges.take(np.arange(10))
    genres = {"genre": graph.users}  # any nodes will do
    edges = {("item", "of", "genre"): replace(pairs, src=pairs.dst, dst=pairs.src)}
    graph = replace(graph, nodes={**graph.nodes, **genres}).with_edges(edges)
    graph = with_attributes(graph, "user", town=pa.array(["Ulm"] * len(graph.users)))
    split = make_split(graph, TaskConfig(target="films", test_fraction=0.3), protocol, seed=0)
    assert len(split.train.interaction_edges) < len(graph.interaction_edges)
    every = {"item": "{title} {of}", "user": "{title} {town}", "genre": "{title} {rev_of}"}
    for kind in graph.nodes:
        config = TextConfig(templates=every)
        assert any(node_texts(graph, kind, config))
        assert node_texts(graph, kind, config) == node_texts(split.train, kind, config)


@settings(max_examples=50)
@given(titles=st.lists(ODD, min_size=4, max_size=4), words=st.integers(1, 12), seed=st.integers(0))
def test_odd_titles_are_inert_and_bounded(make_graph, titles, words, seed):
    names = ["a", "b", "c", "d"]
    pairs = [(head, tail) for head in names for tail in names if head != tail]
    odd = make_graph(
        [("ann", "a")],
        dict.fromkeys(names, "books"),
        texts=dict(zip(names, titles, strict=True)),
        relations={("item", "like", "item"): pairs},
    )
    config = TextConfig(templates={"item": "{title}[: {like}][ / {rev_like}] {text}"}, words=words)
    found = node_texts(odd, "item", config)
    assert all(num_words(text) <= words for text in found)
    likes = odd.edges["item", "like", "item"]
    shuffled = likes.take(np.random.default_rng(seed).permutation(len(likes)))
    other = odd.with_edges({("item", "like", "item"): shuffled})
    assert node_texts(other, "item", config) == found


def test_a_title_is_no_template(graph):
    odd = ["{text}", "[{title}]", "{{x}}\n]][", "\x00{by}"]
    graph = with_nodes(graph, "item", title=odd, text=["secret"] * 4)
    assert list(texts(graph, "item", "<{title}>").values()) == [
        "<{text}>",
        "<[{title}]>",
        "<{{x}} ]][>",
        "<{by}>",
    ]
