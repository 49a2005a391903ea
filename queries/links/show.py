"""Predicted links for people, and as JSON."""

from typing import Any

from rich.console import Console
from rich.text import Text

from kg.errors import visible
from queries.links.predictor import LinkPredictor
from queries.show import answer_table, print_json

_DIGITS = 6


def print_links(console: Console, table: Any, *, tails: bool, as_json: bool) -> None:
    """Print the answers of `LinkPredictor.table` to one question, as a table or as JSON."""
    rows = table.to_pylist()
    for row in rows:
        row["score"] = round(row["score"], _DIGITS)
    if as_json:
        print_json(console, rows)
        return
    end = "tail" if tails else "head"
    shown = [
        {"rank": row["rank"], "id": row[end], "title": row["title"], "score": row["score"]}
        for row in rows
    ]
    marks = ["known" if row["known"] else "" for row in rows if "known" in row]
    console.print(answer_table(shown, marks))


def print_triple(
    console: Console, predictor: LinkPredictor, triple: tuple[str, str, str], *, as_json: bool
) -> None:
    """Print the score of one triple, and whether the model was trained on it."""
    head, relation, tail = triple
    score = round(float(predictor.score([triple])[0]), _DIGITS)
    known = bool(predictor.known([triple])[0])
    if as_json:
        named = {"head": head, "relation": relation, "tail": tail}
        print_json(console, {**named, "score": score, "known": known})
        return
    mark = ", known" if known else ""
    line = visible(f"{head} —{relation}→ {tail}: {score:.3f}{mark}")
    console.print(Text(line), soft_wrap=True)
