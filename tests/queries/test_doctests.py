"""The examples in docstrings, asked of the three books of `conftest.py`."""

import doctest

import pytest

import queries.conditions
import queries.filters
import queries.recommender
from queries.conditions import Conditions
from queries.recommender import Recommender


@pytest.mark.parametrize(
    "module", [queries.conditions, queries.filters, queries.recommender], ids=lambda m: m.__name__
)
def test_examples_of_docstrings(run, monkeypatch, module):
    monkeypatch.chdir(run.parent)
    recommender = Recommender.open("run")
    known = {"recommender": recommender, "conditions": Conditions(recommender.graph)}
    done = doctest.testmod(module, extraglobs=known)
    assert done.attempted > 0
    assert done.failed == 0
