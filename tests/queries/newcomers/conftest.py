"""Small runs, trained in earnest: books and films, authors, links, words that say a little."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from encoders.channels.attributes import ChannelConfig
from encoders.channels.features import load_features
from encoders.neighbours.edges import TextEdgeConfig
from queries.opened import Opened, open_run
from training.config import (
    EvaluationConfig,
    ModelConfig,
    RankingConfig,
    TaskConfig,
    TrainingConfig,
)
from training.jobs import encode_step, import_step, train_step
from training.run_folder import RunFolder

LINKS = """
[[edges]]
file = "links.csv"
relation = "like"
src = { type = "item", column = "src" }
dst = { type = "item", column = "dst" }
"""


@pytest.fixture(scope="session")
def opened_run(write_library, tiny_job, stirred, tmp_path_factory) -> Callable[..., Opened]:
    """Return the factory `(protocol, convolution="light", **model)` of opened models."""
    folder = tmp_path_factory.mktemp("newcomers")
    mapping = write_library(folder, further=LINKS)
    links = [f"film-{row:02d},book-{row:02d}" for row in range(0, 18, 2)]
    (folder / "links.csv").write_text("\n".join(["src,dst", *links]))
    known: dict[tuple, Opened] = {}

    def factory(protocol: str, convolution: str = "light", lexical: float = 0.5, **model) -> Opened:
        key = (protocol, convolution, lexical, *model.items())
        if key not in known:
            job = tiny_job(
                mapping,
                TaskConfig(
                    target="films",
                    protocols=(protocol,),
                    valid_fraction=0.15,
                    test_fraction=0.15,
                ),
                channels=ChannelConfig(kinds={"year": "numeric"}),
                neighbours=TextEdgeConfig(k=4, across=2, lexical=lexical),
                model=ModelConfig(width=8, text_width=4, convolution=convolution, **model),
                training=TrainingConfig(
                    epochs=1, negatives=8, learning_rate=0.05, device="cpu", patience=9
                ),
                ranking=RankingConfig(folds=2, simulated=8, steps=20),
                evaluation=EvaluationConfig(k=(5,), sampled_negatives=4, bootstrap=20),
            )
            run = RunFolder(folder / f"run-{len(known)}")
            import_step(job, run)
            encode_step(job, run)
            train_step(job, run, protocol)
            opened = open_run(run.path)
            features = load_features(run.features, opened.graph)
            bundle = stirred(opened.bundle, job, opened.split, features, by=0.3)
            known[key] = replace(opened, bundle=bundle)
        return known[key]

    return factory
