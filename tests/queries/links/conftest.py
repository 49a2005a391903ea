"""The three books and films, with a decoder of their relations drawn at random."""

import dataclasses

import numpy as np
import pytest

from queries.links import LinkPredictor
from queries.opened import Opened

RELATIONS = [
    ("item", "author", "person"),
    ("item", "based_on", "item"),
    ("item", "genre", "genre"),
    ("item", "writer", "person"),
]


@pytest.fixture
def link_bundle(bundle):
    relation = np.random.default_rng(1).normal(size=(len(RELATIONS), 4)).astype(np.float32)
    job = {
        "model": {"decoder": "dot", "knowledge_decoder": "complex"},
        "training": {"knowledge_weight": 0.01},
    }
    return dataclasses.replace(
        bundle,
        weights={
            "knowledge_decoder.relation": relation,
            "decoder.relation": np.ones((1, 4), dtype=np.float32),
        },
        about={"job": job, "best_epoch": 1, "relations": [list(edge) for edge in RELATIONS]},
    )


@pytest.fixture
def opened(graph, link_bundle, split):
    return Opened(graph=graph, bundle=link_bundle, split=split)


@pytest.fixture
def predictor(opened):
    return LinkPredictor(opened)


@pytest.fixture
def triples():
    """Ten families of six, `kin` of each other; everybody's boss is the first of the next."""
    from training.triples.facts import Triples

    family = np.arange(60) // 6
    kin = [(a, 1, b) for a in range(60) for b in range(60) if a != b and family[a] == family[b]]
    boss = [(a, 0, (family[a] + 1) % 10 * 6) for a in range(60)]
    return Triples(
        entities=tuple(f"p{i:02d}" for i in range(60)),
        relations=("boss", "kin"),
        rows=np.unique(np.array(kin + boss), axis=0),
        left_out={},
    )
