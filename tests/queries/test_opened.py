import dataclasses
import subprocess
import sys

import numpy as np
import pytest

from gnn.ranker import prior
from kg.errors import ArtefactError, InputError
from queries.opened import open_run
from queries.recommender import Recommender
from training.bundle import save_bundle
from training.ranking.second_stage import TwoStageScorer
from training.ranking.signals import PRIOR, Signals
from training.ranking.stage import SecondStage
from training.run_folder import RunFolder


@pytest.fixture
def two_stages(run, graph, bundle, split):
    """The run with a second stage, and with every signal kept."""
    text = np.random.default_rng(1).normal(size=(len(graph.items), 4)).astype(np.float32)
    nothing = np.zeros((len(graph.items), 1), dtype=np.float32)
    stage = SecondStage(
        ranker=prior(["ridge"], {}),
        seed=0,
        text=text,
        channel=text,
        near=np.full(nothing.shape, -1),
        similarity=nothing,
    )
    scorer = dataclasses.replace(bundle, second_stage=stage).ranking_scorer(split)
    assert isinstance(scorer, TwoStageScorer)
    signals = Signals(scorer.world, stage.seed)
    ranker = prior(signals.names(), PRIOR["user-cold"])
    stage = dataclasses.replace(stage, ranker=ranker, kept=signals.kept)
    model = RunFolder(run).task("user-cold").model
    save_bundle(dataclasses.replace(bundle, second_stage=stage), model, graph)
    return run


ANSWER = """
import sys
from queries.recommender import Recommender
ids, _ = Recommender.open(sys.argv[1]).recommend("cyd", domain="films", k=2)
print(*ids, *sorted({"torch", "sklearn", "scipy.stats"} & set(sys.modules)))
"""


def test_an_answer_takes_no_library_that_only_training_needs(two_stages):
    """They take longer to import than all else does until the first answer."""
    expected, _ = Recommender.open(two_stages).recommend("cyd", domain="films", k=2)

    command = [sys.executable, "-c", ANSWER, str(two_stages)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)

    assert done.stdout.split() == list(expected)
    assert len(expected) == 2


def test_a_run_is_opened_whole(two_stages, graph, split):
    opened = open_run(two_stages, "user-cold")
    assert opened.graph.fingerprint == graph.fingerprint
    assert opened.split is not None
    assert opened.split.target == split.target
    assert opened.bundle.second_stage is not None


def test_what_is_not_there_is_named(run, tmp_path):
    with pytest.raises(ArtefactError, match="no such run folder"):
        open_run(tmp_path / "elsewhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ArtefactError, match="holds no trained model"):
        open_run(tmp_path / "empty")
    with pytest.raises(InputError, match=r"no model of protocol 'warm'.*it has: user-cold"):
        open_run(run, "warm")
