import gzip
import json
import tracemalloc
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest

from kg.errors import ArtefactError, InputError, UnknownIdError
from queries import asked, batch
from queries.batch import recommend_file, score_file
from queries.filters import Filters
from queries.recommender import Recommender
from training.evaluation.calibration import Calibration
from training.evaluation.calibration_curves import Platt


@pytest.fixture
def recommender(graph, bundle):
    return Recommender(graph, bundle)


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return path


USER_FILES = {
    "users.txt": "cyd\n\n ada\ndan\n",
    "header.txt": "user\ncyd\nada\ndan\n",
    "one.csv": "cyd\nada\ndan",
    "header.csv": "user\ncyd\nada\ndan\n",
    "more.csv": 'age,user\n1,cyd\n2,"ada"\n3,dan\n',
    "more.tsv": "age\tuser\n1\tcyd\n2\tada\n3\tdan\n",
}


@pytest.mark.parametrize("block", [1, 2, 100])
@pytest.mark.parametrize("name", USER_FILES)
def test_a_file_of_users_equals_asking_one_by_one(recommender, tmp_path, monkeypatch, name, block):
    monkeypatch.setattr(batch, "_BLOCK_ROWS", block)
    users = write(tmp_path / name, USER_FILES[name])
    out = tmp_path / "out.parquet"
    summary = recommend_file(recommender, users, out, domain="films", k=2)
    expected = []
    for user in ["cyd", "ada", "dan"]:
        ids, scores = recommender.recommend(user, domain="films", k=2)
        for rank, (item, score) in enumerate(zip(ids, scores, strict=True), 1):
            title = recommender.title(item)
            expected.append(
                {"user": user, "rank": rank, "item": item, "title": title, "score": score}
            )
    assert pa.parquet.read_table(out).to_pylist() == expected
    assert (summary.asked, summary.skipped, summary.written) == (3, 0, len(expected))


def test_answers_as_rdf_have_scores_and_say_which_model_gave_them(graph, bundle, tmp_path):
    about = {"job": {"name": "j"}, "protocol": "warm", "versions": {"isthmus": "0.1.0"}}
    recommender = Recommender(graph, replace(bundle, about=about))
    users = write(tmp_path / "users.txt", "cyd\nada\n")
    summary = recommend_file(recommender, users, tmp_path / "out.nq", domain="films", k=2)
    assert summary.written == 4
    lines = (tmp_path / "out.nq").read_text().splitlines()
    assert all(line.endswith(" <urn:isthmus:run:j:warm> .") for line in lines)
    scores = [line.split('"')[1] for line in lines if "vocabulary:score>" in line]
    expected = recommender.recommend(["cyd", "ada"], domain="films", k=2)[1]
    assert [np.float32(score) for score in scores] == expected.ravel().tolist()


def test_users_from_parquet_and_compressed_text(recommender, tmp_path):
    pa.parquet.write_table(pa.table({"user": ["ada", "bob"]}), tmp_path / "users.parquet")
    (tmp_path / "users.csv.gz").write_bytes(gzip.compress(b"user\nada\nbob\n"))
    for name in ("users.parquet", "users.csv.gz"):
        recommend_file(recommender, tmp_path / name, tmp_path / f"{name}.csv", domain="films")
    assert (tmp_path / "users.parquet.csv").read_bytes() == (
        tmp_path / "users.csv.gz.csv"
    ).read_bytes()


def test_answers_as_csv(recommender, tmp_path):
    users = write(tmp_path / "users.txt", "bob\n")
    recommend_file(recommender, users, tmp_path / "out.csv", domain="films")
    [score] = recommender.score(["bob"], ["f2"]).astype(str)
    assert (tmp_path / "out.csv").read_text() == (
        f'"user","rank","item","title","score"\n"bob",1,"f2","Clueless",{score}\n'
    )


def test_an_unknown_user_stops_before_anything_is_written(recommender, tmp_path):
    users = write(tmp_path / "users.csv", "user\nada\n\nadda\nx\n")
    with pytest.raises(
        UnknownIdError, match=r"users.csv, line 4: unknown user id 'adda', did you mean \"ada\""
    ):
        recommend_file(recommender, users, tmp_path / "out.csv", domain="films")
    assert [path.name for path in tmp_path.iterdir()] == ["users.csv"]
    summary = recommend_file(
        recommender, users, tmp_path / "out.csv", domain="films", k=1, skip_unknown=True
    )
    assert (summary.asked, summary.skipped, summary.written) == (3, 2, 1)


PAIRS = {
    "pairs.csv": "item,note,user\nf1,007,ada\nf2,,dan\n",
    "first.csv": "reader,thing,note\nada,f1,007\ndan,f2,\n",
    "first.tsv": "reader\tthing\tnote\nada\tf1\t007\ndan\tf2\t\n",
}


@pytest.mark.parametrize("block", [1, 100])
@pytest.mark.parametrize("name", PAIRS)
def test_pairs_get_a_score(recommender, tmp_path, monkeypatch, name, block):
    monkeypatch.setattr(batch, "_PAIR_ROWS", block)
    monkeypatch.setattr(asked, "_BLOCK_ROWS", block)
    out = tmp_path / "out.parquet"
    score_file(recommender, write(tmp_path / name, PAIRS[name]), out)
    table = pa.parquet.read_table(out)
    assert table.column_names == [
        *PAIRS[name].splitlines()[0].replace("\t", ",").split(","),
        "score",
    ]
    assert table["note"].to_pylist() == ["007", ""]
    np.testing.assert_array_equal(table["score"], recommender.score(["ada", "dan"], ["f1", "f2"]))


def test_parquet_pairs_keep_their_types(recommender, tmp_path):
    pairs = pa.table({"user": ["ada"], "item": ["f1"], "clicks": pa.array([3], pa.int16())})
    pa.parquet.write_table(pairs, tmp_path / "pairs.parquet")
    score_file(recommender, tmp_path / "pairs.parquet", tmp_path / "out.parquet")
    table = pa.parquet.read_table(tmp_path / "out.parquet")
    assert table.drop_columns("score").equals(pairs)


def test_unknown_pairs_stop_or_have_no_score(recommender, tmp_path):
    pairs = write(tmp_path / "pairs.csv", "user,item\nada,f1\nada,f9\nx,f1\n")
    with pytest.raises(UnknownIdError, match=r"pairs.csv, line \d: unknown"):
        score_file(recommender, pairs, tmp_path / "out.csv")
    summary = score_file(recommender, pairs, tmp_path / "out.csv", skip_unknown=True)
    assert (summary.asked, summary.skipped, summary.written) == (3, 2, 3)
    [score] = recommender.score(["ada"], ["f1"]).astype(str)
    assert (tmp_path / "out.csv").read_text() == (
        f'"user","item","score"\n"ada","f1",{score}\n"ada","f9",\n"x","f1",\n'
    )


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("users.json", "{}", "expected .csv, .tsv, .txt or .parquet, got '.json'"),
        ("users.csv", "", "users.csv is empty"),
        ("users.csv", "name,age\nada,1\n", r"no column 'user' \(columns: name, age\)"),
        ("users.csv", "user,age\nada,1\nbob\n", "users.csv, line 3: expected 2 fields, got 1"),
        ("users.csv", "user,user\nada,1\n", "column 'user' more than once"),
        ("users.parquet", "not parquet", "users.parquet is not Parquet"),
        ("users.csv", 'user\n"ada', "users.csv cannot be read"),
    ],
)
def test_bad_users(recommender, tmp_path, name, text, message):
    with pytest.raises(InputError, match=message) as caught:
        recommend_file(
            recommender, write(tmp_path / name, text), tmp_path / "out.csv", domain="films"
        )
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("user\nada\n", "expected columns user and item, got user"),
        ("user,item,score\nada,f1,1\n", "has a column 'score' already"),
        ("ada,f1\nbob,f2\n", r"has no header: its first line is a pair \(ada, f1\)"),
    ],
)
def test_bad_pairs(recommender, tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        score_file(recommender, write(tmp_path / "pairs.csv", text), tmp_path / "out.csv")


ALL = ["ada", "bob", "cyd", "dan"]


def test_all_users(recommender, tmp_path):
    out = tmp_path / "out.jsonl"
    summary = recommend_file(recommender, None, out, domain="films", k=2)
    records = [json.loads(line) for line in out.read_text().splitlines()]
    assert records == [
        {**row, "score": float(str(np.float32(row["score"])))}
        for row in recommender.recommend_table(ALL, domain="films", k=2).to_pylist()
    ]
    assert (summary.asked, summary.written) == (4, len(records))
    assert [path.name for path in tmp_path.iterdir()] == ["out.jsonl"]


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".tsv", ".jsonl", ".nq"])
@pytest.mark.parametrize("at", [0, 1, 3])
def test_a_killed_run_goes_on_where_it_stopped(recommender, tmp_path, monkeypatch, suffix, at):
    monkeypatch.setattr(batch, "_BLOCK_ROWS", 1)
    whole, out = tmp_path / f"whole{suffix}", tmp_path / f"out{suffix}"
    moment = datetime(2024, 1, 1, tzinfo=UTC)
    monkeypatch.setattr("queries.parts.datetime", Stopped.at(moment))
    recommend_file(recommender, None, whole, domain="films", k=2)
    answered = []
    table = recommender.recommend_table

    def killed(ids, **settings):
        if len(answered) == at:
            raise KeyboardInterrupt
        answered.append(ids)
        return table(ids, **settings)

    monkeypatch.setattr(recommender, "recommend_table", killed)
    with pytest.raises(KeyboardInterrupt):
        recommend_file(recommender, None, out, domain="films", k=2)
    assert not out.exists()
    answered[:] = ["never again"] * 10
    summary = recommend_file(recommender, None, out, domain="films", k=2)
    assert answered[10:] == [[user] for user in ALL[at:]]
    assert summary.resumed == at
    assert out.read_bytes() == whole.read_bytes()
    assert not (tmp_path / f"out{suffix}.parts").exists()


class Stopped:
    """A clock that stands still."""

    @classmethod
    def at(cls, moment):
        return type("Clock", (datetime,), {"now": classmethod(lambda cls, zone: moment)})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"k": 3}, "was begun with k = 2, now it is 3: use --fresh"),
        ({"domain": "books"}, "domain = 'films', now it is 'books'"),
        ({"filters": Filters(diversity=0.5)}, "diversity = 0.0, now it is 0.5"),
        ({"filters": Filters(exclude=["f1"])}, r"exclude = \[\], now it is \['f1'\]"),
        ({"users": "users.txt"}, "users = 'all', now it is"),
        ({"model": None}, "model = "),
    ],
)
def test_parts_of_another_question_are_refused(
    recommender, graph, bundle, tmp_path, monkeypatch, change, message
):
    out, asked_of = tmp_path / "out.csv", recommender
    settings = {"users": None, "domain": "films", "k": 2}
    monkeypatch.setattr(batch, "write_table", None)  # as if killed before the end
    with pytest.raises(TypeError):
        recommend_file(recommender, out=out, **settings)
    monkeypatch.undo()
    if "users" in change:
        change = {"users": write(tmp_path / "users.txt", "ada\n")}
    if "model" in change:
        asked_of, change = Recommender(graph, replace(bundle, item_bias=-bundle.item_bias)), {}
    with pytest.raises(InputError, match=message) as caught:
        recommend_file(asked_of, out=out, **{**settings, **change})
    assert "\n" not in str(caught.value)
    recommend_file(asked_of, out=out, fresh=True, **{**settings, **change})
    assert out.is_file()


def test_a_folder_in_the_way_is_kept(recommender, tmp_path):
    (tmp_path / "out.csv.parts").mkdir()
    (tmp_path / "out.csv.parts" / "thesis.tex").touch()
    for fresh in (False, True):
        with pytest.raises(ArtefactError, match="in the way"):
            recommend_file(recommender, None, tmp_path / "out.csv", domain="films", fresh=fresh)
    assert (tmp_path / "out.csv.parts" / "thesis.tex").exists()


def test_probabilities_have_a_column(graph, bundle, split, tmp_path):
    curve = Platt(slope=1.0, intercept=0.0)
    calibration = Calibration(curve=curve, scale="score", base_rate=0.5, threshold=0.5, losses={})
    recommender = Recommender(graph, replace(bundle, calibration=calibration), split=split)
    recommend_file(recommender, None, tmp_path / "out.parquet", domain="films")
    table = pa.parquet.read_table(tmp_path / "out.parquet")
    for row in table.to_pylist():
        [likely] = recommender.probability([row["user"]], [row["item"]])
        assert row["probability"] == (None if row["item"] == "f2" else likely)
    recommend_file(recommender, None, tmp_path / "books.parquet", domain="books")
    assert "probability" not in pa.parquet.read_schema(tmp_path / "books.parquet").names
    pairs = write(tmp_path / "pairs.csv", "user,item\nada,f1\nada,f2\nada,b1\nx,f1\n")
    score_file(recommender, pairs, tmp_path / "scored.jsonl", skip_unknown=True)
    rows = [json.loads(line) for line in (tmp_path / "scored.jsonl").read_text().splitlines()]
    assert [row["probability"] is not None for row in rows] == [True, False, False, False]
    assert [row["score"] is not None for row in rows] == [True, True, True, False]
    assert rows[0]["probability"] == pytest.approx(recommender.probability(["ada"], ["f1"])[0])


def test_json_lines_have_no_numbers_that_are_none(recommender, tmp_path):
    pairs = pa.table({"user": ["ada"], "item": ["f1"], "at": [datetime(2024, 1, 1)], "x": [np.nan]})
    pa.parquet.write_table(pairs, tmp_path / "pairs.parquet")
    score_file(recommender, tmp_path / "pairs.parquet", tmp_path / "out.jsonl")
    row = json.loads((tmp_path / "out.jsonl").read_text())
    assert (row["at"], row["x"]) == ("2024-01-01 00:00:00", None)


def test_bad_places(recommender, tmp_path):
    users = write(tmp_path / "users.txt", "ada\n")
    with pytest.raises(InputError, match=r"no such file: .*nobody.csv"):
        recommend_file(recommender, tmp_path / "nobody.csv", tmp_path / "o.csv", domain="films")
    with pytest.raises(InputError, match=r"no such file: .*nobody.parquet"):
        score_file(recommender, tmp_path / "nobody.parquet", tmp_path / "o.csv")
    with pytest.raises(InputError, match="unknown domain 'film'"):
        recommend_file(recommender, users, tmp_path / "o.csv", domain="film")
    with pytest.raises(InputError, match=r"expected .parquet, .csv, .* got '.xlsx'"):
        recommend_file(recommender, users, tmp_path / "o.xlsx", domain="films")
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9\n")
    with pytest.raises(InputError, match=r"latin.txt cannot be read"):
        recommend_file(recommender, tmp_path / "latin.txt", tmp_path / "o.csv", domain="films")


def test_memory_does_not_grow_with_the_file(recommender, tmp_path, monkeypatch):
    monkeypatch.setattr(batch, "_PAIR_ROWS", 500)
    monkeypatch.setattr(asked, "_BLOCK_ROWS", 500)
    peaks = []
    for rows in (1_000, 20_000):
        pairs = write(tmp_path / f"{rows}.csv", "user,item\n" + "ada,f1\n" * rows)
        tracemalloc.start()
        pool = pa.total_allocated_bytes()
        score_file(recommender, pairs, tmp_path / "out.csv")
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert pa.total_allocated_bytes() <= pool + 2**20
    assert peaks[1] < 2 * peaks[0]
