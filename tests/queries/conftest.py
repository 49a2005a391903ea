"""Three books, the films made of them, and four people; the model is written by hand."""

import dataclasses

import numpy as np
import pyarrow as pa
import pytest

from kg.store import save_graph
from queries.recommender import Recommender
from training.bundle import Bundle, save_bundle
from training.evaluation.split import HeldOut, Split
from training.evaluation.split_files import save_split
from training.run_folder import RunFolder

TITLES = {
    "b1": "The Hobbit",
    "b2": "Emma",
    "b3": "Dune",
    "f1": "An Unexpected Journey",
    "f2": "Clueless",
    "f3": "Dune: Part One",
    "ada": "Ada",
    "bob": "Bob",
    "dan": "Dan",
    "tolkien": "J. R. R. Tolkien",
}
LIKES = [
    ("ada", "b1"),
    ("ada", "b3"),
    ("bob", "b1"),
    ("bob", "f1"),
    ("bob", "f3"),
    ("cyd", "b2"),
    ("cyd", "f2"),
]
FACTS = {
    ("item", "author", "person"): [("b1", "tolkien"), ("b2", "austen"), ("b3", "herbert")],
    ("item", "writer", "person"): [("f1", "tolkien"), ("f3", "herbert")],
    ("item", "genre", "genre"): [
        ("b1", "fantasy"),
        ("f1", "fantasy"),
        ("b3", "fantasy"),
        ("b2", "romance"),
    ],
    ("item", "based_on", "item"): [("f1", "b1"), ("f2", "b2"), ("f3", "b3")],
}


@pytest.fixture
def graph(make_graph):
    """Dan knows nothing; Cyd and most entities have no title."""
    return make_graph(
        LIKES,
        {item: "books" if item[0] == "b" else "films" for item in TITLES if item[1].isdigit()},
        texts=TITLES,
        users=["dan"],
        entities={"person": ["tolkien", "austen", "herbert"], "genre": ["fantasy", "romance"]},
        relations=FACTS,
    )


@pytest.fixture
def bundle(graph):
    rng = np.random.default_rng(0)
    return Bundle(
        z={
            node_type: rng.normal(size=(len(nodes), 4)).astype(np.float32)
            for node_type, nodes in graph.nodes.items()
        },
        item_bias=rng.normal(size=len(graph.items)).astype(np.float32),
        weights={},
        about={},
    )


@pytest.fixture
def split(graph):
    """Cyd lost the only film she knows."""
    edges = graph.interaction_edges
    cyd, film = graph.users.vocab.index(["cyd"]), graph.items.vocab.index(["f2"])
    held_out = (edges.src == cyd) & (edges.dst == film)
    nothing = np.empty(0, dtype=np.int64)
    films = np.flatnonzero(graph.item_mask("films"))
    return Split(
        protocol="user-cold",
        sources=("books",),
        target="films",
        train=graph.with_edges({graph.interactions: edges.take(~held_out)}),
        valid=HeldOut(users=nothing, items=nothing, candidates=films),
        test=HeldOut(users=cyd, items=film, candidates=films),
        cold_users=cyd,
        cold_items=nothing,
        graph_fingerprint=graph.fingerprint,
    )


@pytest.fixture
def run(tmp_path, graph, bundle, split):
    """A run folder with one trained model."""
    folder = RunFolder(tmp_path / "run")
    save_graph(graph, folder.graph)
    save_split(split, folder.task("user-cold").split)
    save_bundle(bundle, folder.task("user-cold").model, graph)
    return folder.path


@pytest.fixture
def attacked(graph, bundle):
    """Return the factory `(texts=None, titles=None)` of recommenders over other items."""

    def factory(texts=None, titles=None):
        items = graph.items
        ids = items.vocab.ids.to_pylist()

        def column(given, present):
            values = dict(zip(ids, present.to_pylist(), strict=True)) | (given or {})
            return pa.array([values[item] for item in ids], pa.string())

        changed = dataclasses.replace(
            items, title=column(titles, items.title), text=column(texts, items.text)
        )
        other = dataclasses.replace(graph, nodes={**graph.nodes, graph.item_type: changed})
        return Recommender(other, bundle)

    return factory


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory):
    """A causal language model with random weights that knows few words."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    from queries.llm.local import LocalModel

    folder = tmp_path_factory.mktemp("tiny-causal")
    words = ["<pad>", "<unk>", "</s>", "you", "know", "films", "HACKED", "Dune", "Yes", "No"]
    tokens = Tokenizer(models.WordLevel({w: n for n, w in enumerate(words)}, unk_token="<unk>"))
    tokens.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(
        tokenizer_object=tokens, pad_token="<pad>", unk_token="<unk>", eos_token="</s>"
    ).save_pretrained(folder)
    torch.manual_seed(0)
    shape = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1}
    config = LlamaConfig(
        vocab_size=len(words),
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=2048,
        pad_token_id=0,
        eos_token_id=2,
        bos_token_id=None,
        **shape,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    return LocalModel(str(folder), device="cpu")
