"""What every neural baseline must do, whatever it is."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from training.baselines.base import Scorer, Task
from training.baselines.bitgcf import BiTGCF
from training.baselines.emcdr import EMCDR
from training.baselines.knowledge import KnowledgeScores
from training.baselines.lightgcn import LightGCN
from training.baselines.popularity import Popularity
from training.baselines.ptupcdr import PTUPCDR
from training.baselines.random import Random
from training.evaluation.evaluate import evaluate

Make = Callable[..., Scorer]


def make_transe(task: Task, **settings: Any) -> Scorer:
    return KnowledgeScores(task, decoder="transe", **settings)


MAKERS: dict[str, Make] = {
    "lightgcn": LightGCN,
    "emcdr": EMCDR,
    "ptupcdr": PTUPCDR,
    "bitgcf": BiTGCF,
    "distmult": KnowledgeScores,
    "transe": make_transe,
}
QUICK = {"width": 8, "epochs": 2, "batch_size": 256, "negatives": 8}
every_baseline = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
every_protocol = pytest.mark.parametrize("protocol", ["user-cold", "item-cold", "warm"])


@pytest.fixture
def two_blocks(make_task) -> Task:
    """Even users like even items, odd users odd ones; items differ in popularity, not by block."""
    rng = np.random.default_rng(0)
    users, items = 120, 60
    chance = np.tile(np.repeat(np.linspace(0.6, 0.15, items // 4), 2), 2)
    parity = (np.arange(users)[:, None] + np.arange(items)) % 2 == 0
    dense = (rng.random((users, items)) < chance) & parity
    held = np.zeros_like(dense)
    held[:30, items // 2 :] = True
    pairs, hidden = (
        list(zip(*np.nonzero(part), strict=True)) for part in (dense & ~held, dense & held)
    )
    domains = ["b"] * (items // 2) + ["f"] * (items // 2)
    return make_task("user-cold", domains, users, pairs, held=hidden)


def quality(scorer: Scorer, task: Task) -> float:
    found = evaluate(scorer, task.split, "valid", rng=np.random.default_rng(0))
    return found.mean("NDCG@10")


@every_baseline
def test_two_blocks_are_told_apart(make, two_blocks):
    settings = {"width": 8, "epochs": 60, "batch_size": 1024, "negatives": 30, "decay": 0.1}
    if make in (EMCDR, PTUPCDR):
        settings["map_epochs"] = 30
    found = quality(make(two_blocks, learning_rate=0.03, **settings), two_blocks)
    assert found > 1.25 * quality(Popularity(two_blocks), two_blocks)
    assert found > 1.25 * quality(Random(0), two_blocks)


@every_baseline
@every_protocol
def test_scores_have_their_shape_in_any_block_and_order(make, random_task, protocol):
    task = random_task(protocol)
    scorer = make(task, **QUICK)
    users, items = np.arange(80), task.split.test.candidates
    whole = scorer.score(users, items)
    assert whole.shape == (80, len(items))
    assert whole.dtype == np.float32
    parts = [scorer.score(users[first : first + 7], items) for first in range(0, 80, 7)]
    np.testing.assert_allclose(np.concatenate(parts), whole, rtol=1e-4, atol=1e-5)
    order = np.random.default_rng(2).permutation(len(items))
    moved = scorer.score(users, items[order])
    np.testing.assert_allclose(moved, whole[:, order], rtol=1e-4, atol=1e-5)


@every_baseline
def test_one_seed_gives_one_result_whatever_the_global_generator_did(make, random_task):
    task = random_task("user-cold")
    users, items = np.arange(80), task.split.test.candidates
    first = make(task, seed=3, **QUICK).score(users, items)
    with torch.random.fork_rng():
        torch.manual_seed(99)
        assert np.array_equal(make(task, seed=3, **QUICK).score(users, items), first)
    assert not np.array_equal(make(task, seed=4, **QUICK).score(users, items), first)


@every_baseline
@every_protocol
def test_only_training_edges_are_read(make, random_task, protocol):
    task = random_task(protocol)
    part = task.split.test
    other = replace(part, items=np.roll(part.items, 5), users=np.roll(part.users, 3))
    changed = replace(task, split=replace(task.split, test=other, valid=other))
    scores = [make(t, **QUICK).score(np.arange(20), part.candidates) for t in (task, changed)]
    assert np.array_equal(*scores)


@every_baseline
def test_a_user_without_history_gets_popularity(make, make_task):
    pairs = [(0, 0), (1, 0), (1, 2), (2, 2), (2, 3), (0, 3), (1, 3)]
    task = make_task("warm", ["b", "b", "f", "f"], 5, pairs, held=[(4, 2)])
    scores = make(task, **QUICK).score(np.array([4, 1]), np.array([2, 3]))
    np.testing.assert_allclose(scores[0], np.log1p([2, 3]), rtol=1e-6)
    assert not np.allclose(scores[1], scores[0])


@every_baseline
@every_protocol
@pytest.mark.parametrize(
    "pairs",
    [
        [],
        [(0, 0)],
        [(0, 0), (1, 2), (2, 3)],  # no user in both domains
        [(user, item) for user in range(4) for item in range(4)],  # everybody has everything
    ],
    ids=["empty", "one source edge", "zero overlap", "complete"],
)
def test_any_graph_gives_finite_scores(make, make_task, protocol, pairs):
    task = make_task(protocol, ["b", "b", "f", "f", "f", "bf"], 5, pairs, held=[(4, 5)])
    scorer = make(task, **QUICK)
    assert np.isfinite(scorer.score(np.arange(5), np.array([2, 3, 4, 5]))).all()
    assert scorer.score(np.arange(0), np.array([2, 3, 4, 5])).shape == (0, 4)


@every_baseline
def test_zero_overlap_leaves_popularity_or_propagation_but_no_mapping(make, make_task):
    pairs = [(0, 0), (0, 1), (1, 0), (2, 2), (2, 3), (3, 3)]
    task = make_task("user-cold", ["b", "b", "f", "f"], 4, pairs, held=[(0, 2)])
    scores = make(task, **QUICK).score(np.array([0]), np.array([2, 3]))
    if make in (EMCDR, PTUPCDR):
        np.testing.assert_allclose(scores, [np.log1p([1, 2])], rtol=1e-6)
    assert np.isfinite(scores).all()


@pytest.mark.parametrize("kind", [LightGCN, EMCDR, PTUPCDR, BiTGCF, KnowledgeScores])
def test_the_grid_begins_with_the_default(kind, random_task):
    task = random_task("user-cold")
    users, items = np.arange(9), task.split.test.candidates
    assert 1 <= len(kind.GRID) <= 8
    assert len({tuple(settings.items()) for settings in kind.GRID}) == len(kind.GRID)
    default = kind(task).score(users, items)
    assert np.array_equal(kind(task, **kind.GRID[0]).score(users, items), default)


@every_baseline
def test_the_best_epoch_of_the_valid_part_is_kept(make, two_blocks):
    settings = {"width": 8, "epochs": 12, "batch_size": 256, "negatives": 8, "learning_rate": 0.03}
    stopped = make(two_blocks, patience=2, **settings)
    assert quality(stopped, two_blocks) >= 0.9 * quality(make(two_blocks, **settings), two_blocks)


def test_settings_are_checked(random_task):
    task = random_task("warm")
    with pytest.raises(ValueError, match="mapping must be mlp or linear"):
        EMCDR(task, mapping="cubic")
    with pytest.raises(ValueError, match="keep must lie between 0 and 1"):
        BiTGCF(task, keep=1.5)
    with pytest.raises(ValueError, match="decoder must be one of transe, distmult"):
        KnowledgeScores(task, decoder="rotate")
    with pytest.raises(TypeError, match="epoch"):
        LightGCN(task, epoch=3)
