import dataclasses
import io

import numpy as np
import pytest
from rich.console import Console

from kg.errors import InputError
from training.evaluation.negative_transfer import negative_transfer, negative_transfer_table


@pytest.fixture
def pair(make_judged):
    """A model that the source helps, but for users with more than five source interactions."""
    alone = make_judged(0.4)
    many = alone.source_history > 5
    values = alone.scorers["isthmus"]["full"]["NDCG@10"]
    better = np.where(many, values - 0.1, values + 0.1)
    better[:10] = values[:10]
    groups = {**alone.scorers["isthmus"], "full": {"NDCG@10": better}}
    model = dataclasses.replace(alone, scorers={"isthmus": groups})
    return model, alone


def test_where_the_source_hurts(pair):
    model, alone = pair
    found = negative_transfer(model, alone, resamples=300)
    assert found["metric"] == "NDCG@10"
    slices = found["slices"]
    assert slices["all users"]["num_users"] == 300
    assert slices["all users"]["same"] == pytest.approx(10 / 300)
    few, many = slices["source history 2-5"], slices["source history 6-10"]
    assert few["difference"] > 0.05 > -0.05 > many["difference"]
    assert few["helped"] > 0.9
    assert many["hurt"] > 0.9
    assert many["p_holm"] < 0.05
    for about in slices.values():
        assert about["helped"] + about["hurt"] + about["same"] == pytest.approx(1)
        assert about["model"] - about["alone"] == pytest.approx(about["difference"])


def test_p_is_adjusted_over_the_groups(pair):
    slices = negative_transfer(*pair, resamples=300)["slices"]
    smallest = min(about["p_value"] for about in slices.values())
    assert min(about["p_holm"] for about in slices.values()) == pytest.approx(
        min(1, len(slices) * smallest)
    )


def test_buckets_of_items_have_their_own_users(pair):
    model, alone = pair
    there = ~np.isnan(model.scorers["isthmus"]["tail items"]["NDCG@10"])
    about = negative_transfer(model, alone, resamples=50)["slices"]["tail items"]
    assert about["num_users"] == there.sum()
    assert about["same"] == 1.0
    assert about["p_value"] == 1.0


def test_other_rows_and_unknown_metrics_are_refused(pair):
    model, alone = pair
    with pytest.raises(InputError, match="not the same held-out"):
        negative_transfer(model, dataclasses.replace(alone, held_out="other"))
    with pytest.raises(InputError, match="no NDCG@3 of all users"):
        negative_transfer(model, alone, metric="NDCG@3")


def test_table(pair):
    found = negative_transfer(*pair, resamples=50)
    console = Console(width=200, file=io.StringIO())
    console.print(negative_transfer_table("warm", found))
    text = console.file.getvalue()
    assert "source history 6-10" in text
    assert f"{found['slices']['source history 6-10']['hurt']:.0%}" in text
