"""Facts of the example that the model never saw rank far better than chance."""

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch

from encoders.channels.features import encode_graph
from encoders.models.hashing import HashingEncoder
from kg.importer import import_graph
from queries.links import LinkPredictor
from queries.opened import Opened
from training.config import GraphConfig, JobConfig, ModelConfig, TaskConfig, TrainingConfig
from training.evaluation.split import make_split
from training.fit import fit, to_bundle
from training.prepare import prepare
from training.triples.ranks import link_metrics

EXAMPLE = Path(__file__).parents[3] / "examples" / "books-and-films" / "graph.toml"


@pytest.fixture(scope="module")
def held_out(tmp_path_factory):
    """A model of the example without a tenth of its facts, and those facts."""
    folder = tmp_path_factory.mktemp("held-out")
    graph, rng = import_graph(EXAMPLE).graph, np.random.default_rng(0)
    kept, facts = {}, {}
    for edge_type, edges in graph.edges.items():
        if edge_type != graph.interactions:
            out = rng.random(len(edges)) < 0.1
            kept[edge_type], facts[edge_type] = edges.take(~out), edges.take(out)
    job = JobConfig(
        name="held-out",
        graph=GraphConfig(mapping=EXAMPLE),
        task=TaskConfig(target="films"),
        model=ModelConfig(width=64, text_width=32),
        training=TrainingConfig(batch_size=2_048, negatives=128, device="cpu"),
    )
    less = graph.with_edges(kept)
    split = make_split(less, job.task, "user-cold", seed=0)
    objective = prepare(job, split, encode_graph(less, HashingEncoder(dim=64)), torch.device("cpu"))
    fitted = fit(
        job,
        split,
        objective,
        checkpoints=folder / "checkpoints",
        metrics=folder / "metrics.jsonl",
        fingerprint="held-out",
    )
    settings = {"model": asdict(job.model), "training": asdict(job.training)}
    bundle = to_bundle(fitted.final, objective.model, {"job": settings, "best_epoch": 1})
    predictor = LinkPredictor(Opened(graph=less, bundle=bundle, split=split))
    return predictor, graph, facts


def _ranks(predictor, graph, facts, edge_type, *, tails):
    """Return filtered ranks of held-out answers, and among how many; `[num_facts]` each."""
    src, name, dst = edge_type
    given, wanted = (src, dst) if tails else (dst, src)
    ends = (facts.src, facts.dst) if tails else (facts.dst, facts.src)
    true = graph.edges[edge_type]
    pairs = set(zip(*((true.src, true.dst) if tails else (true.dst, true.src)), strict=True))
    size = len(graph.nodes[wanted])
    ids = graph.nodes[given].vocab.to_ids(ends[0])
    ask = predictor.tails if tails else predictor.heads
    answers, _ = ask(ids, name, size, node_type=wanted)
    ranks, ranked = [], []
    for one, answer, row in zip(ends[0], ends[1], answers, strict=True):
        rows = graph.nodes[wanted].vocab.index([i for i in row.tolist() if i]).tolist()
        others = [other for other in rows if other == answer or (one, other) not in pairs]
        ranks.append(1 + others.index(answer))
        ranked.append(len(others))
    return np.array(ranks), np.array(ranked)


@pytest.mark.slow
@pytest.mark.parametrize(("tails", "times"), [(True, 3), (False, 8)])
def test_held_out_facts_rank_better_than_chance(held_out, tails, times):
    predictor, graph, facts = held_out
    ranks, ranked = [], []
    for edge_type, edges in facts.items():
        found = _ranks(predictor, graph, edges, edge_type, tails=tails)
        ranks.append(found[0])
        ranked.append(found[1])
    chance = np.mean([np.mean(1 / np.arange(1, n + 1)) for n in np.concatenate(ranked)])

    assert link_metrics(np.concatenate(ranks).astype(float))["MRR"] > times * chance
