import json

import pytest
from typer.testing import CliRunner

import isthmus


@pytest.fixture
def recommend(run, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))

    def invoke(*options):
        asked = ["recommend", str(run), "--domain", "films", "--json", *options]
        return CliRunner().invoke(isthmus.app, asked)

    return invoke


def test_a_model_reorders_and_answers_are_kept(recommend, tiny_model, tmp_path):
    plain = recommend("--user", "ada")
    told = ["--user", "ada", "--rerank", str(tiny_model.folder), "--rerank-weight", "1"]
    first, again = recommend(*told), recommend(*told)
    assert first.exit_code == 0, first.output
    rows = json.loads(first.stdout)
    assert {row["id"] for row in rows} == {row["id"] for row in json.loads(plain.stdout)}
    assert [row["rank"] for row in rows] == [1, 2, 3]
    assert "3 questions" in first.stderr
    assert again.stderr == ""
    assert again.stdout == first.stdout
    assert (tmp_path / ".cache" / "isthmus" / "reranked.sqlite").is_file()
    assert json.loads(recommend(*told, "-k", "2").stdout) == rows[:2]


def test_many_users_are_not_reordered(recommend, tmp_path):
    out = tmp_path / "out.csv"
    result = recommend("--all-users", "--out", str(out), "--rerank", "some-model")
    assert result.exit_code == 1
    assert "give --user ID" in result.stderr
    assert recommend("--user", "ada", "--rerank-key", "KEY").exit_code == 1
