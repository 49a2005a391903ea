import dataclasses

import numpy as np
import pytest

from gnn.decoders import make_decoder
from kg.errors import InputError
from queries.links import LinkPredictor
from queries.links.model import links_of_run
from queries.opened import Opened
from training.triples.config import TripleConfig
from training.triples.results import predict_links


def _with(opened, **changes):
    """The same run, trained with other settings."""
    job = {part: {**table, **changes.pop(part, {})} for part, table in _job(opened).items()}
    about = {**opened.bundle.about, "job": job, **changes}
    return dataclasses.replace(opened, bundle=dataclasses.replace(opened.bundle, about=about))


def _job(opened):
    return opened.bundle.about["job"]


def test_without_the_second_task_it_says_what_to_set(opened):
    predictor = LinkPredictor(_with(opened, training={"knowledge_weight": 0}))

    with pytest.raises(InputError, match=r"--set training\.knowledge_weight=0\.01"):
        predictor.tails("b1", "author")
    assert len(predictor.tails("ada", "likes")[0])  # the ranking needs no second task


def test_an_untrained_mlp_says_nothing(opened):
    untrained = _with(opened, model={"knowledge_decoder": "mlp"}, best_epoch=0)
    with pytest.raises(InputError, match="knowledge_decoder=distmult"):
        LinkPredictor(untrained).tails("b1", "author")


def test_a_relation_that_was_left_out_of_the_network(opened):
    fewer = _with(opened, relations=opened.bundle.about["relations"][1:])
    with pytest.raises(InputError, match=r"'author' cannot be predicted: .*dead ends"):
        LinkPredictor(fewer).tails("b1", "author")


def test_a_bundle_without_a_decoder(graph, bundle, split):
    predictor = LinkPredictor(Opened(graph=graph, bundle=bundle, split=split))
    with pytest.raises(InputError, match="no decoder of relations"):
        predictor.tails("b1", "author")


def test_older_models_have_the_order_of_the_network(opened):
    about = {name: value for name, value in opened.bundle.about.items() if name != "relations"}
    older = dataclasses.replace(opened, bundle=dataclasses.replace(opened.bundle, about=about))

    assert links_of_run(older).relations == links_of_run(opened).relations


@pytest.mark.parametrize("name", ["dot", "distmult", "complex"])
def test_users_are_as_the_network_made_them(opened, name):
    """A bundle's user rows carry the relation of interactions, which other relations know not."""
    decoder = make_decoder(name, 1, 4)
    plain = opened.bundle.z["user"]
    import torch

    relation = np.array([[0.5, 2.0, -1.0, 0.25]], dtype=np.float32)
    if name != "dot":
        with torch.no_grad():
            decoder.relation.copy_(torch.from_numpy(relation))
    carried = decoder.queries(torch.from_numpy(plain)).detach().numpy()
    bundle = dataclasses.replace(
        opened.bundle,
        z={**opened.bundle.z, "user": carried},
        weights={
            **opened.bundle.weights,
            "decoder.relation": decoder.relation.detach().numpy(),
        },
        about={**opened.bundle.about, "relations": [["user", "writer", "person"]]},
    )
    run = _with(dataclasses.replace(opened, bundle=bundle), model={"decoder": name})

    assert links_of_run(run).z["user"] == pytest.approx(plain, abs=1e-6)


@pytest.fixture
def triple_model(triples, tmp_path):
    config = TripleConfig(width=16, batch_size=64, negatives=40, epochs=30, patience=30)
    results = predict_links(triples, config, keep=tmp_path / "model")
    return LinkPredictor.open(tmp_path / "model"), results


def test_a_model_of_triples_alone_answers(triple_model, triples):
    predictor, results = triple_model
    assert results["metrics"]["complex"]["all"]["MRR"] > 0.4

    kin, _ = predictor.tails("p07", "kin", 5, include_known=True)
    boss, _ = predictor.tails("p07", "boss", 1, include_known=True)
    people, _ = predictor.heads("p12", "boss", 6, include_known=True)

    assert sorted(kin) == ["p06", "p08", "p09", "p10", "p11"]
    assert boss.tolist() == ["p12"]
    assert sorted(people) == ["p06", "p07", "p08", "p09", "p10", "p11"]
    assert predictor.known([("p07", "boss", "p12"), ("p07", "boss", "p18")]).tolist() == [1, 0]
    assert "p08" not in predictor.tails("p07", "kin", 60)[0]
    assert predictor.score([("p07", "kin", "p08")])[0] > predictor.score([("p07", "kin", "p30")])[0]


def test_a_model_of_triples_has_no_protocols(triple_model, tmp_path):
    with pytest.raises(InputError, match="no protocols"):
        LinkPredictor.open(tmp_path / "model", "warm")
