import dataclasses

import numpy as np
import pytest
from typer.testing import CliRunner

import isthmus
from kg.graph import KnowledgeGraph
from kg.store import save_graph
from queries.index import building
from queries.index.building import build, plans
from queries.index.files import COSINES, SCORES, Asked
from queries.recommender import Recommender
from training.bundle import Bundle, save_bundle
from training.run_folder import RunFolder


@pytest.fixture(scope="module")
def run(make_graph, vectors, tmp_path_factory):
    """12,000 books, 300 films, and 60 users whose vectors lie near books."""
    rows, bias, asked = vectors
    items = {f"b{i:05d}": "books" for i in range(12_000)}
    items |= {f"f{i:03d}": "films" for i in range(300)}
    users = [f"u{i:02d}" for i in range(60)]
    graph = make_graph([(user, "b00000") for user in users], items)
    films = np.random.default_rng(1).normal(size=(300, rows.shape[1])).astype(np.float32)
    bundle = Bundle(
        z={"item": np.concatenate([rows, films]), "user": asked},
        item_bias=np.concatenate([bias, np.zeros(300, np.float32)]),
        weights={},
        about={},
    )
    folder = RunFolder(tmp_path_factory.mktemp("indexed") / "run")
    save_graph(graph, folder.graph)
    save_bundle(bundle, folder.task("user-cold").model, graph)
    return folder.path


def test_what_is_worth_an_index(run):
    found = {plan.asked: plan for plan in plans(Recommender.open(run).engine, least=1_000)}

    assert not found[Asked(SCORES, "item", "books")].why_not
    assert not found[Asked(COSINES, "item", "")].why_not
    assert not found[Asked(COSINES, "item", "books")].why_not
    assert "exact search is quick" in found[Asked(SCORES, "item", "films")].why_not
    assert "exact search is quick" in found[Asked(COSINES, "user", "")].why_not
    assert found[Asked(SCORES, "item", "books")].name == "item of books, by score"


def test_the_second_stage_scores_everything(run):
    engine = Recommender.open(run).engine
    engine.ranking = object()
    engine.split = dataclasses.make_dataclass("Split", ["target"])("books")
    found = {plan.asked: plan for plan in plans(engine, least=1_000)}
    assert "second stage" in found[Asked(SCORES, "item", "books")].why_not


def test_every_choice_is_said_aloud(run, monkeypatch):
    monkeypatch.setattr(building, "MIN_TIMES", 0.0)
    lines = []
    found = build(Recommender.open(run).engine, least=1_000, recall=0.9, say=lines.append)

    assert len(found) == 3
    assert "item of books, by score: 12,000, index: IVF187,SQ8 looking into" in lines[0]
    assert "item of films, by score: 300, no index: fewer than 1,000" in lines[1]
    assert all(measured.recall > 0.85 for _, _, measured in found)


def test_the_kind_is_said(run, monkeypatch):
    monkeypatch.setattr(building, "MIN_TIMES", 0.0)
    lines = []
    engine = Recommender.open(run).engine
    found = build(engine, least=12_001, recall=0.9, kind="hnsw", say=lines.append)
    assert [index.kind for _, index, _ in found] == ["hnsw"]
    assert any("index: HNSW32 looking into" in line and "candidates" in line for line in lines)


def test_what_is_not_quicker_is_not_kept(run, monkeypatch):
    monkeypatch.setattr(building, "MIN_TIMES", 1e9)
    lines = []
    assert build(Recommender.open(run).engine, least=12_001, recall=0.9, say=lines.append) == []
    assert "not worth it" in " ".join(lines)


def test_the_shell_builds_it_and_questions_use_it(run, monkeypatch):
    monkeypatch.setattr(building, "MIN_TIMES", 0.0)
    exact = Recommender.open(run)
    assert exact.engine.indexes is None
    options = ["index", str(run), "--least", "1000", "--recall", "0.95"]
    result = CliRunner().invoke(isthmus.app, options)
    assert result.exit_code == 0, result.output
    assert f"Index: {run / 'user-cold' / 'index'}" in result.stdout

    indexed = Recommender.open(run)
    ids, scores = indexed.recommend(["u00", "u07"], domain="books", k=20)
    wanted, best = exact.recommend(["u00", "u07"], domain="books", k=20)
    assert len(np.intersect1d(ids[0], wanted[0])) >= 17
    assert scores[0, 0] == best[0, 0]
    assert "b00000" not in ids  # everybody has seen it
    near, _ = indexed.similar("b00007", k=10)
    assert len(np.intersect1d(near, exact.similar("b00007", k=10)[0])) >= 8
    assert "b00007" not in near
    assert indexed.recommend("u00", domain="films", k=3)[0].tolist() == (
        exact.recommend("u00", domain="films", k=3)[0].tolist()
    )
    assert isinstance(indexed.graph, KnowledgeGraph)
