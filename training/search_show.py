"""A study for people: the best settings as TOML, what they reach, and which of them matter."""

import json

from rich.console import Console
from rich.table import Table

from training.search import Study
from training.search_space import Settings


def print_study(study: Study, console: Console) -> None:
    """Print the best settings with their scores, and what matters where that can be told."""
    if study["best"] is None:
        console.print("no trial is complete yet")
        return
    console.print(scores_table(study))
    if study["importances"]:
        console.print(importances_table(study))
    lines = toml_lines(study["trials"][study["best"]]["settings"])
    console.print(f"\nfor a job:\n\n{lines}\n", markup=False, highlight=False)


def toml_lines(settings: Settings) -> str:
    """Return settings as the tables of a job, ready to paste."""
    tables: dict[str, list[str]] = {}
    for key, value in settings.items():
        table, _, name = key.rpartition(".")
        tables.setdefault(table, []).append(f"{name} = {json.dumps(value)}")
    return "\n\n".join("\n".join([f"[{table}]", *lines]) for table, lines in tables.items())


def scores_table(study: Study) -> Table:
    """Return NDCG@10 on valid of each task: best floor, first trial, best trial."""
    first, best = study["trials"][0], study["trials"][study["best"]]
    shown = Table(title=f"NDCG@10 on valid, in %: the best is trial {best['number'] + 1}")
    for name in ("task", "best floor", "", "settings of the job", "ratio", "best", "ratio"):
        shown.add_column(name, justify="left" if name in ("task", "best floor") else "right")
    for name, task in study["tasks"].items():
        cells = [name, task["best_floor"], f"{100 * task['floors'][task['best_floor']]:.2f}"]
        for trial in (first, best):
            done = trial["tasks"][name]
            cells += [f"{100 * done['NDCG@10']:.2f}", f"{done['ratio']:.3f}"]
        shown.add_row(*cells)
    means = [f"{trial['value']:.3f}" for trial in (first, best)]
    shown.add_row("geometric mean", "", "", "", means[0], "", means[1])
    return shown


def importances_table(study: Study) -> Table:
    """Return which settings explain the differences between trials, most important first."""
    first, best = (study["trials"][number]["settings"] for number in (0, study["best"]))
    shown = Table(title="what the differences between complete trials come from (fANOVA)")
    for name in ("setting", "importance", "first", "best"):
        shown.add_column(name, justify="left" if name == "setting" else "right")
    for key, share in study["importances"].items():
        shown.add_row(key, f"{share:.2f}", str(first[key]), str(best[key]))
    return shown
