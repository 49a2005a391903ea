from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from encoders.texts.histories import history_texts
from encoders.texts.templates import TextConfig, num_words
from training.config import TaskConfig
from training.evaluation.split import make_split

ITEMS = {
    "pan": "kitchen",
    "pot": "kitchen",
    "tea": "food",
    "jam": "food",
    "jar": ("kitchen", "food"),
}
TEXTS = {name: name.title() for name in ITEMS}
RATED = "In {domain}:[ liked {liked}.][ Also {other}.]"


def weighing(graph, *weights):
    edges = replace(graph.interaction_edges, weight=np.array(weights, dtype=np.float32))
    return graph.with_edges({graph.interactions: edges})


def ann(graph, **settings):
    """Return what ann, the first user, did."""
    return {
        domain: some[0] for domain, some in history_texts(graph, TextConfig(**settings)).items()
    }


def test_one_text_for_each_user_and_domain(make_graph):
    graph = make_graph(
        [("ann", "pan"), ("ann", "jar"), ("bob", "tea")], ITEMS, texts=TEXTS, users=["cem"]
    )
    assert history_texts(graph) == {
        "kitchen": ["In kitchen: Jar, Pan", "", ""],
        "food": ["In food: Jar", "In food: Tea", ""],
    }
    some = history_texts(graph, users=np.array([2, 1, 1]))
    assert some == {"kitchen": ["", "", ""], "food": ["", "In food: Tea", "In food: Tea"]}


def test_latest_first(make_graph):
    pairs = [("ann", "pan"), ("ann", "jar"), ("ann", "pot")]
    graph = make_graph(pairs, ITEMS, texts=TEXTS, times=[2, 1, 3])
    assert ann(graph)["kitchen"] == "In kitchen: Pot, Pan, Jar"
    unknown = make_graph(pairs, ITEMS, texts=TEXTS, times=[2, np.nan, 3])
    assert ann(unknown)["kitchen"] == "In kitchen: Pot, Pan, Jar"


def test_heaviest_first_without_times(make_graph):
    graph = make_graph([("ann", "pan"), ("ann", "jar"), ("ann", "pot")], ITEMS, texts=TEXTS)
    assert ann(weighing(graph, 2, 3, 1))["kitchen"] == "In kitchen: Jar, Pan, Pot"


def test_liked_first_then_latest(make_graph):
    pairs = [("ann", "pan"), ("ann", "jar"), ("ann", "pot"), ("bob", "pot")]
    graph = weighing(make_graph(pairs, ITEMS, texts=TEXTS, times=[1, 2, 3, 4]), 4, 5, 1, 3)
    assert ann(graph)["kitchen"] == "In kitchen: Jar, Pan, Pot"
    told = ann(graph, templates={"history": RATED})
    assert told["kitchen"] == "In kitchen: liked Jar, Pan. Also Pot."
    assert told["food"] == "In food: Also Jar."  # the only weight there: nothing to compare with


@pytest.mark.parametrize("weight", [1, 0.1, 5])
def test_nothing_is_liked_where_all_weigh_the_same(make_graph, weight):
    pairs = [("ann", "pan"), ("ann", "jar"), ("ann", "pot")]
    graph = weighing(make_graph(pairs, ITEMS, texts=TEXTS), weight, weight, weight)
    assert ann(graph, templates={"history": RATED})["kitchen"] == "In kitchen: Also Jar, Pan, Pot."


def test_what_a_template_does_not_name_takes_no_room(make_graph):
    pairs = [("ann", "pan"), ("ann", "jar"), ("ann", "pot")]
    graph = weighing(make_graph(pairs, ITEMS, texts=TEXTS), 5, 5, 1)
    only = {"templates": {"history": "{other}"}, "history_words": 2}
    assert ann(graph, **only) == {"kitchen": "Pot", "food": "Jar"}
    only["templates"] = {"history": "{liked}"}
    assert ann(graph, **only) == {"kitchen": "Jar, Pan", "food": ""}


def test_whole_items_until_the_text_is_full(make_graph):
    titles = {"pan": "a b c d", "jar": "e f g h", "pot": "i j k l"}
    pairs = [("ann", "pan"), ("ann", "jar"), ("ann", "pot")]
    graph = make_graph(pairs, ITEMS, texts=titles, times=[3, 2, 1])
    told = {n: ann(graph, history_words=n, title_words=3)["kitchen"] for n in (4, 5, 7, 9, 12)}
    assert told == {
        4: "In kitchen: a b",
        5: "In kitchen: a b c",
        7: "In kitchen: a b c",
        9: "In kitchen: a b c, e f g",
        12: "In kitchen: a b c, e f g, i j k",
    }


def test_items_without_a_title(make_graph):
    graph = make_graph([("ann", "pan"), ("ann", "jar"), ("ann", "pot")], ITEMS, texts=TEXTS)
    title = pa.array(["", "", "Kettle", "Pot", "Tea"])  # jam, jar, pan, pot, tea
    text = pa.array(["", "a jar of\nglass", "", "", ""])
    nodes = replace(graph.items, title=title, text=text)
    graph = replace(graph, nodes={**graph.nodes, "item": nodes})
    assert ann(graph)["kitchen"] == "In kitchen: a jar of glass, Kettle, Pot"
    blank = replace(nodes, title=pa.array([""] * 5), text=pa.array([" "] * 5))
    graph = replace(graph, nodes={**graph.nodes, "item": blank})
    assert ann(graph) == {"kitchen": "", "food": ""}


def test_the_language_of_a_user(make_graph):
    graph = make_graph([("ann", "pan"), ("bob", "pan"), ("cem", "pan")], ITEMS, texts=TEXTS)
    speaks = pa.table({"lang": pa.array(["de", None, "tr"])})
    nodes = {**graph.nodes, "user": replace(graph.users, attributes=speaks)}
    graph = replace(graph, nodes=nodes)
    config = TextConfig(
        languages={"de": {"history": "Aus {domain}: {items}"}}, language_column="lang"
    )
    told = ["Aus kitchen: Pan", "In kitchen: Pan", "In kitchen: Pan"]
    assert history_texts(graph, config)["kitchen"] == told
    told[1] = told[0]
    assert history_texts(graph, replace(config, language="de"))["kitchen"] == told


def test_a_graph_without_interactions(make_graph):
    graph = make_graph([], ITEMS, users=["ann"])
    assert history_texts(graph) == {"kitchen": [""], "food": [""]}


ODD = st.text(st.characters(codec="utf-8") | st.sampled_from("{}[]\n\x00, "), max_size=30)


@settings(max_examples=60)
@given(
    titles=st.lists(ODD, min_size=5, max_size=5),
    words=st.integers(1, 20),
    history=st.sampled_from(["In {domain}: {items}", RATED, "{liked} {items} {items}"]),
    seed=st.integers(0),
)
def test_bounded_and_the_same_whatever_the_order_of_edges(make_graph, titles, words, history, seed):
    rng = np.random.default_rng(seed)
    pairs = [(user, item) for user in ("ann", "bob") for item in ITEMS]
    texts = dict(zip(ITEMS, titles, strict=True))
    graph = make_graph(pairs, ITEMS, texts=texts, times=rng.integers(0, 3, len(pairs)))
    graph = weighing(graph, *rng.integers(1, 4, len(pairs)))
    config = TextConfig(templates={"history": history}, history_words=words)
    told = history_texts(graph, config)
    assert all(num_words(text) <= words for some in told.values() for text in some)
    order = rng.permutation(len(pairs))
    shuffled = graph.with_edges({graph.interactions: graph.interaction_edges.take(order)})
    assert history_texts(shuffled, config) == told


@pytest.mark.parametrize("protocol", ["user-cold", "item-cold", "warm"])
def test_histories_of_the_training_part_do_not_tell_what_is_held_out(
    two_domain_checkerboard, protocol
):
    graph = two_domain_checkerboard(num_users=10, num_items=6)
    titles = pa.array([f"unique{row}x" for row in range(len(graph.items))])
    nodes = {**graph.nodes, "item": replace(graph.items, title=titles, text=titles)}
    graph = replace(graph, nodes=nodes)
    config = TaskConfig(target="films", valid_fraction=0.3, test_fraction=0.3)
    split = make_split(graph, config, protocol, seed=0)
    settings = TextConfig(history_words=1_000)
    whole, train = (history_texts(some, settings)["films"] for some in (graph, split.train))
    for part in (split.valid, split.test):
        assert len(part)
        for user, item in zip(part.users, part.items, strict=True):
            assert f"unique{item}x" in whole[user]
            assert f"unique{item}x" not in train[user]
    edges = split.train.interaction_edges
    for user, item in zip(edges.src, edges.dst, strict=True):
        if graph.item_mask("films")[item]:
            assert f"unique{item}x" in train[user]


def test_a_weight_that_is_held_out_does_not_say_what_is_liked(make_graph):
    """The mean that decides who likes what is that of the graph given."""
    graph = make_graph([("ann", "pan"), ("ann", "jar"), ("bob", "pot")], ITEMS, texts=TEXTS)
    graph = weighing(graph, 3, 1, 100)
    assert "liked" not in ann(graph, templates={"history": RATED})["kitchen"]
    kept = graph.interaction_edges.take(np.array([0, 1]))
    train = graph.with_edges({graph.interactions: kept})
    assert ann(train, templates={"history": RATED})["kitchen"].startswith("In kitchen: liked Pan")
