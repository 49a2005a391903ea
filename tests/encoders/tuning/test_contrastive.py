from dataclasses import replace

import numpy as np
import pytest
import torch

from encoders.tuning.config import PairWeights, TuningConfig
from encoders.tuning.contrastive import Contrastive, contrastive_loss
from encoders.tuning.losses import both_ways, listwise
from encoders.tuning.pairs import Batch, PairSource
from encoders.tuning.retrieval import make_questions
from encoders.tuning.text_model import seeded

ROWS = torch.nn.functional.normalize(torch.arange(15.0).reshape(5, 3).cos(), dim=1)
BATCH = Batch(
    anchors=["a", "b"],
    candidates=["c", "d", "e"],
    known=np.array([[False, False, True], [False, False, False]]),
    log_popularity=np.array([-1, -2, -3], dtype=np.float32),
)


def test_popularity_comes_in_by_its_share():
    known = torch.from_numpy(BATCH.known)
    config = TuningConfig(temperature=0.5)
    plain = both_ways(ROWS[:2], ROWS[2:], known, temperature=0.5)
    assert torch.equal(contrastive_loss(ROWS, BATCH, config), plain)
    half = both_ways(
        ROWS[:2],
        ROWS[2:],
        known,
        temperature=0.5,
        log_popularity=torch.tensor([-0.5, -1.0, -1.5]),
    )
    assert not torch.equal(half, plain)
    assert torch.equal(contrastive_loss(ROWS, BATCH, replace(config, popularity=0.5)), half)


def test_soft_targets_are_listwise():
    targets = np.ones((2, 2), dtype=np.float32)
    batch = replace(BATCH, candidates=[], targets=targets)
    config = TuningConfig(temperature=0.5)
    expected = listwise(
        ROWS[:2] @ ROWS[:2].T,
        torch.from_numpy(targets),
        temperature=0.5,
    )
    assert torch.equal(contrastive_loss(ROWS[:2], batch, config), expected)


@pytest.fixture
def graph(make_graph):
    """Users of red things and users of blue things: only interactions say cat goes with pan."""
    colours, things = ("red", "blue"), ("cat", "dog", "whale", "ship", "pan", "pot", "lid", "song")
    items = {
        f"{colour} {thing}": ("books", "films")[n % 2]
        for colour in colours
        for n, thing in enumerate(things)
    }
    kinds = [things[:4], things[4:]]
    pairs = [
        (f"u{user}", f"{colour} {thing}")
        for user in range(12)
        for colour in colours
        for thing in kinds[user % 2]
    ]
    return make_graph(pairs, items, texts={item: item for item in items})


@pytest.mark.parametrize(
    "weights", [PairWeights(histories=1.0), PairWeights(items=0, across=0, neighbours=1)]
)
def test_tuning_brings_items_of_one_user_together(graph, make_model, weights):
    texts = {"item": graph.items.text.to_pylist()}
    held_out = graph.items.vocab.index(["red cat", "red dog", "blue pan", "red lid"])
    model = make_model()
    config = TuningConfig(batch_size=8, temperature=0.1, pairs=weights)
    questions = make_questions(graph, texts["item"], held_out, np.random.default_rng(0))
    pairs = PairSource(graph, texts, weights, held_out=held_out)
    tuned = Contrastive(model, pairs, questions, config)
    rng = np.random.default_rng(1)

    def together():
        a, b, c = model.encode(["blue cat", "red ship", "blue lid"])
        return float(a @ b - a @ c)

    before, start = together(), tuned.valid()
    optimizer = torch.optim.AdamW(tuned.parameters(), 5e-3)
    for _ in range(40):
        optimizer.zero_grad()
        with seeded(int(rng.integers(1000)), model.device):
            tuned.loss(rng).backward()
        optimizer.step()
    assert together() > before + 0.2
    # dog, lid and so on were met in another colour: texts never read are found
    assert tuned.valid() > start
