"""Whether explanations are true of the model: deletion and insertion of what they name.

    python benchmarks/explanations.py runs/books-and-films user-cold
    python benchmarks/explanations.py runs/books-and-films item-cold

Of a finished run, pairs of a test user and one of their ten best items are drawn. The person is
taken anew, as a newcomer with the same history (`queries.newcomers`), and again with less of it:
without the item of the path that adds most; without more and more items, in the order of what the
explanation gives them (deletion); and with nothing but the first of them (insertion). The same is
done in random orders, in that of the cosine of texts, and in that of what the score loses without
each single item, which is the best that one item at a time can know. Nothing is learned anew.

Scores are in deviations of the user's scores of all items. Records go to
`benchmarks/results/explanations.json`; what is there already is not made again, `--again` makes it.
"""

import argparse
import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from machine import machine
from rich.console import Console
from rich.table import Table

from kg.files import write_json
from kg.progress import progress
from queries.explaining.faithfulness import curve, scores_of_histories
from queries.recommender import Recommender
from training.evaluation.statistics import bootstrap_interval

HERE = Path(__file__).parent
OUT = HERE / "results" / "explanations.json"
FRACTIONS = [step / 5 for step in range(6)]
SHORTEST, LONGEST = 3, 40  # histories
BEST = 10
RANDOM = 1  # orders


def main() -> None:
    """Measure what is asked, print all that was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, help="a finished run")
    parser.add_argument("protocol")
    parser.add_argument("--name", help="what the record is called; the name of the run's job")
    parser.add_argument("--pairs", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--again", action="store_true")
    arguments = parser.parse_args()
    report: dict[str, Any] = {"records": []}
    if OUT.is_file():
        report = json.loads(OUT.read_text(encoding="utf-8"))
    recommender = Recommender.open(arguments.run, arguments.protocol)
    name = arguments.name or recommender.about["job"]["name"]
    at = {"run": name, "protocol": arguments.protocol}
    others = [r for r in report["records"] if {k: r[k] for k in at} != at]
    if len(others) == len(report["records"]) or arguments.again:
        found = measure(recommender, arguments.pairs, arguments.seed)
        about = {"command": "python benchmarks/explanations.py RUN PROTOCOL", "machine": machine()}
        report = {**about, "fractions": FRACTIONS, "records": [*others, {**at, **found}]}
        write_json(OUT, report)
    Console().print(table(report["records"]))


def measure(recommender: Recommender, number: int, seed: int) -> dict[str, Any]:
    """Return deletion and insertion curves, and what the first deletion does."""
    rng = np.random.default_rng(seed)
    pairs = draw(recommender, number, rng)
    histories = [history_of(recommender, user) for user, _ in pairs]
    orders, tops, given, seconds = [], [], [], []
    grown = newcomers(recommender, histories)
    with progress("explaining", len(pairs)) as bar:
        for n, (_, item) in enumerate(pairs):
            start = time.perf_counter()
            found = grown.explain(f"person {n}", item, limit=1_000_000)
            seconds.append(time.perf_counter() - start)
            adds = {one.node.id: one.contribution for one in found.history}
            near = {one.node.id: one.cosine for one in found.history}
            best = max(found.paths, key=lambda path: path.contribution)
            tops.append(best.nodes[1].id)
            given.append(adds)
            history = [str(used) for used in rng.permutation(histories[n])]
            orders.append(
                {
                    "explanation": sorted(history, key=lambda used: -adds.get(used, 0.0)),
                    "text": sorted(history, key=lambda used: -near.get(used, 0.0)),
                    **{
                        f"random {draw}": [str(used) for used in rng.permutation(history)]
                        for draw in range(RANDOM)
                    },
                }
            )
            bar.advance()
    spread = deviations(recommender, [user for user, _ in pairs])
    lost = without_each(recommender, pairs, histories)
    for order, without in zip(orders, lost, strict=True):
        order["leave one out"] = sorted(without, key=lambda used: -without[used])
    curves = all_curves(recommender, pairs, orders)
    return {
        "pairs": len(pairs),
        "users": len({user for user, _ in pairs}),
        "history": float(np.mean([len(history) for history in histories])),
        "seconds_each": float(np.median(seconds)),
        "first": first_deletion(tops, given, lost, spread),
        "curves": summary(curves, spread),
    }


def draw(recommender: Recommender, number: int, rng: np.random.Generator) -> list[tuple[str, str]]:
    """Return pairs of a test user and one of their best items; of cold items under item-cold."""
    split = recommender.split
    assert split is not None
    lengths = np.diff(recommender.seen.indptr)
    users = np.unique(split.test.users)
    users = users[(lengths[users] >= SHORTEST) & (lengths[users] <= LONGEST)]
    chosen = rng.choice(users, size=number, replace=number > len(users))
    allowed = np.zeros(len(recommender.graph.items), dtype=np.bool_)
    allowed[split.test.candidates] = True
    ranking = recommender.engine.ranking
    assert ranking is not None
    rows, _ = ranking.top(chosen, allowed, k=BEST, seen=recommender.seen[chosen])
    place = rng.integers(0, (rows >= 0).sum(axis=1))
    items = rows[np.arange(len(rows)), place]
    ids = recommender.graph.users.vocab.to_ids(chosen)
    return list(zip(ids, recommender.graph.items.vocab.to_ids(items), strict=True))


def history_of(recommender: Recommender, user: str) -> list[str]:
    """Return what a user used in training."""
    row = recommender.graph.users.vocab.index([user])
    return recommender.graph.items.vocab.to_ids(recommender.seen[row].indices)


def newcomers(recommender: Recommender, histories: list[list[str]]) -> Recommender:
    """Return the model with a newcomer for each history."""
    from queries.newcomers import Newcomers

    people = {f"person {n}": used for n, used in enumerate(histories)}
    return recommender.with_newcomers(Newcomers.people(people))


def deviations(recommender: Recommender, users: list[str]) -> Any:
    """Return how much the scores of each user's items differ."""
    ranking = recommender.engine.ranking
    assert ranking is not None
    rows = recommender.graph.users.vocab.index(users)
    pool = np.flatnonzero(ranking.in_target)
    found = [ranking.scorer.score(rows[[n]], pool).std() for n in range(len(rows))]
    return np.array(found, dtype=np.float64)


def without_each(
    recommender: Recommender, pairs: list[tuple[str, str]], histories: list[list[str]]
) -> list[dict[str, float]]:
    """Return how much the score of each pair loses without each single item of the history."""
    asked, items = [], []
    for (_, item), history in zip(pairs, histories, strict=True):
        asked += [history, *([used for used in history if used != left] for left in history)]
        items += [item] * (1 + len(history))
    scores, found, at = scores_of_histories(recommender, asked, items).astype(float), [], 0
    for history in histories:
        losses = scores[at] - scores[at + 1 : at + 1 + len(history)]
        found.append(dict(zip(history, losses.tolist(), strict=True)))
        at += 1 + len(history)
    return found


def all_curves(
    recommender: Recommender, pairs: list[tuple[str, str]], orders: list[dict[str, list[str]]]
) -> dict[str, Any]:
    """Return scores `[deletion or insertion, pairs, fractions]` by order."""
    asked, items = [], []
    for (_, item), of_pair in zip(pairs, orders, strict=True):
        for order in of_pair.values():
            for histories in curve(order, FRACTIONS):
                asked += histories
                items += [item] * len(histories)
    scores = scores_of_histories(recommender, asked, items).astype(float)
    names = list(orders[0])
    shaped = scores.reshape(len(pairs), len(names), 2, len(FRACTIONS)).transpose(1, 2, 0, 3)
    found = dict(zip(names, shaped, strict=True))
    drawn = [found.pop(f"random {draw}") for draw in range(RANDOM)]
    return {**found, "random": np.mean(drawn, axis=0)}


def first_deletion(
    tops: list[str], given: list[dict[str, float]], lost: list[dict[str, float]], spread: Any
) -> dict[str, Any]:
    """Return what is lost with the item of the top path, and with the mean item."""
    top = np.array([without[t] for t, without in zip(tops, lost, strict=True)])
    mean = np.array([np.mean(list(without.values())) for without in lost])
    lowers = np.array([np.mean([v > 0 for v in without.values()]) for without in lost])
    alike = []
    for adds, without in zip(given, lost, strict=True):
        pair = np.array([[adds.get(used, 0.0), value] for used, value in without.items()])
        if (pair.std(axis=0) > 0).all():
            alike.append(float(np.corrcoef(pair.T)[0, 1]))
    best = [without[t] == max(without.values()) for t, without in zip(tops, lost, strict=True)]
    return {
        "lowers": interval(top > 0),
        "lowers, random item": interval(lowers),
        "loss": interval(top / spread),
        "loss, random item": interval(mean / spread),
        "more than random item": interval(top > mean),
        "is the greatest loss": interval(best),
        "correlation": interval(alike),
    }


def summary(curves: dict[str, Any], spread: Any) -> dict[str, Any]:
    """Return mean curves, their areas, and areas against random orders, with intervals."""
    found: dict[str, Any] = {}
    for place, kind in enumerate(("deletion", "insertion")):
        # from the score without any history, so that areas of pairs can be added
        scaled = {
            name: (scores[place] - scores[1, :, :1]) / spread[:, None]
            for name, scores in curves.items()
        }
        area = {name: np.trapezoid(values, FRACTIONS, axis=1) for name, values in scaled.items()}
        found[kind] = {
            name: {
                "curve": values.mean(axis=0).round(4).tolist(),
                "area": interval(area[name]),
                "area less random": interval(area[name] - area["random"]),
            }
            for name, values in scaled.items()
        }
    return found


def interval(values: Any) -> dict[str, float]:
    """Return a mean with its 95 % bootstrap interval."""
    found = bootstrap_interval(np.asarray(values, dtype=np.float64), rng=np.random.default_rng(0))
    return asdict(found)


def table(records: list[dict[str, Any]]) -> Table:
    """Return one row a record."""
    shown = Table(title="deleting what explanations name; losses and areas in deviations")
    headings = ("run", "pairs", "lowers", "random", "loss", "random", "deletion", "random")
    for heading in (*headings, "insertion", "random"):
        shown.add_column(heading, justify="right" if heading != "run" else "left")
    for record in records:
        first, curves = record["first"], record["curves"]
        cells = [first[k]["mean"] for k in ("lowers", "lowers, random item")]
        losses = [first[k]["mean"] for k in ("loss", "loss, random item")]
        areas = [
            curves[kind][order]["area"]["mean"]
            for kind in ("deletion", "insertion")
            for order in ("explanation", "random")
        ]
        shown.add_row(
            f"{record['run']}, {record['protocol']}",
            str(record["pairs"]),
            *(f"{value:.1%}" for value in cells),
            *(f"{value:.2f}" for value in (*losses, *areas)),
        )
    return shown


if __name__ == "__main__":
    main()
