import dataclasses
import io

import numpy as np
import pytest
from rich.console import Console

from kg.errors import InputError
from training.evaluation.compare_runs import compare_runs, comparison_table


def test_a_better_run_is_found_and_an_equal_one_is_not(make_judged):
    found = compare_runs(make_judged(0.5), make_judged(0.4, seed=1), resamples=300)
    assert list(found) == [
        "full NDCG@10",
        "full Recall@20",
        "full MRR",
        "sampled MRR",
        "sampled NDCG@10",
        "sampled HR@10",
    ]
    for test in found.values():
        assert test["difference"] == pytest.approx(test["one"] - test["other"])
        assert test["low"] < 0.1 < test["high"]
        assert test["p_value"] == pytest.approx(1 / 301)
        assert test["p_holm"] == pytest.approx(6 / 301)
    alike = compare_runs(make_judged(0.5), make_judged(0.5, seed=1), resamples=300)
    assert min(test["p_holm"] for test in alike.values()) > 0.05


def test_sampled_means_are_over_rows(make_judged):
    one = make_judged()
    found = compare_runs(one, make_judged(seed=1), resamples=50)
    values = one.scorers["isthmus"]["sampled"]["MRR"]
    assert found["sampled MRR"]["one"] == pytest.approx(np.average(values, weights=one.num_rows))
    assert found["full MRR"]["one"] == pytest.approx(one.scorers["isthmus"]["full"]["MRR"].mean())


@pytest.mark.parametrize("other", [{"held_out": "c"}, {"part": "valid"}])
def test_other_rows_are_refused(make_judged, other):
    with pytest.raises(InputError, match="not the same held-out interactions"):
        compare_runs(make_judged(), make_judged(**other))


def test_other_negatives_leave_the_full_ranking(make_judged):
    found = compare_runs(make_judged(), make_judged(negatives="z"), resamples=20)
    assert list(found) == ["full NDCG@10", "full Recall@20", "full MRR"]


def test_runs_without_a_metric_in_common(make_judged):
    one = make_judged()
    scorers = {"isthmus": {"full": {"NDCG@5": np.ones(300)}, "sampled": {}}}
    with pytest.raises(InputError, match="share no metric"):
        compare_runs(one, dataclasses.replace(one, ks=(5,), scorers=scorers))


def test_table(make_judged):
    found = compare_runs(make_judged(0.5), make_judged(0.4, seed=1), resamples=300)
    console = Console(width=160, file=io.StringIO())
    console.print(comparison_table("warm", ("runs/a", "runs/b"), found))
    text = console.file.getvalue()
    assert "runs/a" in text
    assert f"{100 * found['full MRR']['difference']:+.2f}*" in text
