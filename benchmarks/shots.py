"""What the first interactions of a cold user or item are worth: k-shot curves.

    ISTHMUS_DATA=... python benchmarks/shots.py food-kitchen-to-kitchen --seeds 0 1 2

For each number of shots a model is trained on a split in which cold nodes keep so many target
interactions; all are judged on the same held-out rows, those that every split holds out. Floors
stand beside it. Records go to `benchmarks/results/shots-NAME.json`, the curves to `.svg` beside it;
what is there already is not made again, `--again` makes it again.
"""

import argparse
import json
import shutil
from pathlib import Path
from statistics import fmean
from typing import Any

from machine import machine
from rich.console import Console
from rich.table import Table

from kg.files import write_file, write_json
from kg.store import load_graph
from training.config import load_job
from training.evaluation.plots import curves
from training.evaluation.report import HERE as STYLE
from training.evaluation.shot_curves import shot_splits
from training.evaluation.split_files import save_split
from training.jobs import encode_step, evaluate_step, import_step, train_step
from training.run_folder import RunFolder

HERE = Path(__file__).parent
MODEL = "isthmus"


def main() -> None:
    """Run what is asked, print the table, draw the curves."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("job", help="name of a file in benchmarks/jobs, without .toml")
    parser.add_argument("--shots", type=int, nargs="+", default=[0, 1, 2, 5, 10])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--protocols", nargs="+", default=["user-cold", "item-cold"])
    parser.add_argument("--metric", default="NDCG@10")
    parser.add_argument("--work", type=Path, default=Path("runs/shots"))
    parser.add_argument("--again", action="store_true")
    arguments = parser.parse_args()
    out = HERE / "results" / f"shots-{arguments.job}.json"
    report: dict[str, Any] = {"records": []}
    if out.is_file() and not arguments.again:
        report = json.loads(out.read_text(encoding="utf-8"))
    report |= {"command": f"python benchmarks/shots.py {arguments.job}", "machine": machine()}
    done = {(r["protocol"], r["seed"], tuple(r["of"])) for r in report["records"]}
    for protocol in arguments.protocols:
        for seed in arguments.seeds:
            if (protocol, seed, tuple(arguments.shots)) not in done:
                report["records"] += measure(arguments, protocol, seed)
                write_json(out, report)
        records = [r for r in report["records"] if r["protocol"] == protocol]
        Console().print(table(arguments.job, protocol, records, arguments.metric))
        draw(out.with_name(f"{out.stem}-{protocol}.svg"), records, arguments.metric)


def measure(arguments: argparse.Namespace, protocol: Any, seed: int) -> list[dict[str, Any]]:
    """Train and judge a model for each number of shots."""
    job = load_job(HERE / "jobs" / f"{arguments.job}.toml", [f"seed={seed}"])
    base, records = RunFolder(arguments.work / arguments.job), []
    import_step(load_job(HERE / "jobs" / f"{arguments.job}.toml"), base)
    encode_step(job, base)
    splits = shot_splits(load_graph(base.graph), job.task, protocol, seed, arguments.shots)
    for shots, split in splits.items():
        run = RunFolder(arguments.work / f"{arguments.job}-{protocol}-{shots}-{seed}")
        shutil.rmtree(run.path, ignore_errors=True)
        run.path.mkdir(parents=True)
        for part in ("graph", "features"):
            (run.path / part).symlink_to((base.path / part).resolve(), target_is_directory=True)
        save_split(split, run.task(protocol).split)
        train_step(job, run, protocol)
        results = evaluate_step(job, run, protocol)
        about = {name: results[name] for name in ("num_users", "num_rows", "num_candidates")}
        scorers = {name: found["full"] for name, found in results["scorers"].items()}
        at = {"protocol": protocol, "seed": seed, "of": arguments.shots, "shots": shots}
        records.append({**at, **about, "scorers": scorers})
    return records


def points(records: list[dict[str, Any]], metric: str) -> dict[str, list[tuple[float, float]]]:
    """Return (shots, mean over seeds in percent) by scorer; those that every split has."""
    shots = sorted({record["shots"] for record in records})
    found: dict[str, list[tuple[float, float]]] = {}
    for k in shots:
        for name in records[0]["scorers"]:
            values = [
                100 * record["scorers"][name][metric]["mean"]
                for record in records
                if record["shots"] == k and name in record["scorers"]
            ]
            if values:
                found.setdefault(name, []).append((float(k), fmean(values)))
    return {name: pairs for name, pairs in found.items() if len(pairs) == len(shots)}


def table(name: str, protocol: str, records: list[dict[str, Any]], metric: str) -> Table:
    """Return one row for each scorer and a column for each number of shots."""
    series = points(records, metric)
    shown = Table(title=f"{name}, {protocol}: {metric}, test, %, by shots, mean over seeds")
    for heading in ("", *(f"{k:.0f}" for k, _ in series[MODEL])):
        shown.add_column(heading, justify="right" if heading else "left")
    for scorer, pairs in series.items():
        shown.add_row(scorer, *(f"{value:.2f}" for _, value in pairs))
    return shown


def draw(path: Path, records: list[dict[str, Any]], metric: str) -> None:
    """Write the curves as an SVG that carries the colours of the report."""
    series = points(records, metric)
    best = sorted(series, key=lambda name: -series[name][-1][1])[:4]
    kept = {name: series[name] for name in dict.fromkeys([MODEL, *best])}
    svg = curves(f"{metric} by shots", kept, MODEL, label="interactions kept")
    style = (STYLE / "report.css").read_text(encoding="utf-8").split("@media")[0]
    head, rest = svg.split(">", 1)
    head = head.replace("440", "600")  # names at the ends of lines stand outside the frame
    with write_file(path) as aside:
        aside.write_text(
            f'{head} xmlns="http://www.w3.org/2000/svg" font-family="sans-serif">'
            f"<style>{style}</style>{rest}\n",
            encoding="utf-8",
        )


if __name__ == "__main__":
    main()
