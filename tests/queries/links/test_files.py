import json

import pyarrow.parquet as pq
import pytest

from kg.errors import InputError, UnknownIdError
from queries.links.files import predict_file


def test_many_heads_from_a_file(predictor, tmp_path):
    asked, out = tmp_path / "heads.csv", tmp_path / "answers.parquet"
    asked.write_text("head\nb1\nf2\n")

    summary = predict_file(predictor, asked, out, "author", tails=True, k=2)

    rows = pq.read_table(out).to_pylist()
    assert (summary.asked, summary.skipped, summary.written) == (2, 0, 4)
    ids, scores = predictor.tails(["b1", "f2"], "author", 2)
    assert [row["tail"] for row in rows] == ids.ravel().tolist()
    assert [row["score"] for row in rows] == scores.ravel().tolist()
    assert [(row["head"], row["rank"]) for row in rows] == [
        ("b1", 1),
        ("b1", 2),
        ("f2", 1),
        ("f2", 2),
    ]
    assert {row["relation"] for row in rows} == {"author"}


def test_many_tails_as_json_lines_with_what_is_known(predictor, tmp_path):
    asked, out = tmp_path / "tails.txt", tmp_path / "answers.jsonl"
    asked.write_text("tolkien\n")

    predict_file(predictor, asked, out, "author", tails=False, k=9, include_known=True)

    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert len(rows) == 6
    assert {row["tail"] for row in rows} == {"tolkien"}
    assert [row["head"] for row in rows if row["known"]] == ["b1"]
    assert {row["title"] for row in rows if row["head"] == "b1"} == {"The Hobbit"}


def test_an_unknown_id_is_named_by_its_line_or_skipped(predictor, tmp_path):
    asked, out = tmp_path / "heads.csv", tmp_path / "answers.csv"
    asked.write_text("id\nb1\nb7\n")

    with pytest.raises(UnknownIdError, match="line 3"):
        predict_file(predictor, asked, out, "author", tails=True)
    assert not out.exists()
    summary = predict_file(predictor, asked, out, "author", tails=True, skip_unknown=True)
    assert (summary.asked, summary.skipped, summary.written) == (2, 1, 2)


def test_users_of_many_items(predictor, tmp_path):
    asked, out = tmp_path / "items.txt", tmp_path / "answers.csv"
    asked.write_text("f1\nf2\n")
    summary = predict_file(predictor, asked, out, "likes", tails=False, k=2)
    assert summary.written == 4


def test_what_cannot_be_written_or_read(predictor, tmp_path):
    asked = tmp_path / "heads.csv"
    asked.write_text("head\n")
    with pytest.raises(InputError, match="no rows"):
        predict_file(predictor, asked, tmp_path / "answers.csv", "author", tails=True)
    with pytest.raises(InputError, match=r"\.xlsx"):
        predict_file(predictor, asked, tmp_path / "answers.xlsx", "author", tails=True)
