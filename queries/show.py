"""Answers for people: tables, and what a run shows when it ends."""

import json
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from rich.console import Console
from rich.table import Table
from rich.text import Text

from kg.errors import visible
from kg.files import read_json
from queries.explaining.text import reason
from queries.recommender import Recommender
from training.evaluation.results import results_table
from training.run_folder import RunFolder

Answer = dict[str, str | int | float]
_USERS = 3
_ITEMS = 5
_SEEN = 4


def answer_rows(
    recommender: Recommender,
    ids: Sequence[str],
    scores: Sequence[float],
    node_type: str | None = None,
) -> list[Answer]:
    """Return one readable record an answer: rank, id, title, score."""
    titles = recommender.titles(ids, node_type)
    return [
        {"rank": rank, "id": str(node_id), "title": title, "score": round(float(score), 6)}
        for rank, (node_id, title, score) in enumerate(zip(ids, titles, scores, strict=True), 1)
    ]


def recommended_rows(table: pa.Table) -> list[Answer]:
    """Return the same of `Recommender.recommend_table`, with the probability where there is one."""
    rows = []
    for row in table.to_pylist():
        likely = row.get("probability")
        shown: Answer = {"rank": row["rank"], "id": row["item"], "title": row["title"]}
        shown["score"] = round(row["score"], 6)
        rows.append(shown if likely is None else {**shown, "probability": round(likely, 6)})
    return rows


def answer_table(rows: Sequence[Answer], marks: Sequence[str] = ()) -> Table:
    """Return a table of answers, with an optional mark behind each."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("", justify="right")
    table.add_column("title")
    table.add_column("id", style="dim")
    table.add_column("score", justify="right")
    likely = any("probability" in row for row in rows)
    if likely:
        table.add_column("probability", justify="right")
    if marks:
        table.add_column("")
    for place, row in enumerate(rows):
        cells = [Text(visible(str(row[name]))) for name in ("rank", "title", "id")]
        cells.append(Text(f"{row['score']:.3f}"))
        if likely:
            cells.append(Text(f"{row['probability']:.3f}" if "probability" in row else ""))
        table.add_row(*cells, *marks[place : place + 1])
    return table


def print_answers(console: Console, rows: Sequence[Answer], *, as_json: bool = False) -> None:
    """Print the answers to one query as a table, or as JSON."""
    if as_json:
        print_json(console, rows)
    else:
        console.print(answer_table(rows))


def print_json(console: Console, value: object) -> None:
    """Print a value as one line of JSON."""
    console.print(Text(json.dumps(value, ensure_ascii=False)), soft_wrap=True)


def closing_show(run: RunFolder, console: Console) -> None:
    """Print the results of every protocol, three users' recommendations, and where the report is.

    Args:
        run: a finished run.
        console: where to.
    """
    for protocol in run.protocols():
        console.print(results_table(read_json(run.task(protocol).results)))
        console.print()
    recommender = Recommender.open(run.path)
    for user_id in _shown_users(recommender):
        _show_user(recommender, user_id, console)
    console.print(f"Report: {run.report}", soft_wrap=True, highlight=False, markup=False)


def _shown_users(recommender: Recommender) -> list[str]:
    """Return the first test users that the model knows anything about."""
    split = recommender.split
    users = np.arange(len(recommender.graph.users)) if split is None else split.test.users
    known = np.diff(recommender.seen.indptr) > 0
    return recommender.graph.users.vocab.to_ids(np.unique(users[known[users]])[:_USERS])


def _show_user(recommender: Recommender, user_id: str, console: Console) -> None:
    graph, split = recommender.graph, recommender.split
    domain = graph.domains[-1] if split is None else split.target
    row = int(graph.users.vocab.index([user_id])[0])
    history = recommender.seen[[row]]
    seen = graph.items.vocab.to_ids(history.indices[np.argsort(-history.data, kind="stable")])
    shown = ", ".join(f'"{title}"' for title in recommender.titles(seen[:_SEEN]))
    more = f" and {len(seen) - _SEEN} more" if len(seen) > _SEEN else ""
    name = recommender.title(user_id, graph.user_type)
    told = Text(visible(f"knows {shown}{more}"))
    console.print(Text(visible(name), style="bold"), told, soft_wrap=True)

    hidden: set[str] = set()
    if split is not None:
        hidden = set(graph.items.vocab.to_ids(split.test.items[split.test.users == row]))
    ids, scores = recommender.recommend(user_id, domain=domain, k=_ITEMS)
    marks = ["held out, found" if item in hidden else "" for item in ids]
    console.print(answer_table(answer_rows(recommender, ids.tolist(), scores.tolist()), marks))
    if len(ids):
        line = f"why the first: {reason(recommender.explain(user_id, ids[0]))}"
        console.print(Text(line, style="italic"), soft_wrap=True)
    console.print()
