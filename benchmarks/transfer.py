"""How far a job's model stands from its floors, over seeds, with ablation rows.

    ISTHMUS_DATA=... python benchmarks/transfer.py food-kitchen-to-kitchen --seeds 0 1 2

Every seed and variant is an ordinary `isthmus run` of `benchmarks/jobs/NAME.toml` with default
settings but for what the variant names. Import and encoding are done once. Records are written to
`benchmarks/results/transfer-NAME.json` as soon as they exist, and runs already there are not made
again; `--again` makes them again.
"""

import argparse
import dataclasses
import json
import resource
import shutil
import statistics
import time
from pathlib import Path
from typing import Any

from machine import machine
from rich.console import Console
from rich.table import Table

from kg.files import write_json
from training.config import JobConfig, load_job
from training.evaluation.judged import FILE, load_judged
from training.evaluation.seeds import across_seeds
from training.jobs import encode_step, evaluate_step, finetune_step, import_step, train_step
from training.run_folder import RunFolder

HERE = Path(__file__).parent
VARIANTS = {
    "default": [],
    "first stage alone": ["ranking.folds=0"],
    "no alignment": ["training.alignment=none"],
    "no simulation": ["training.simulate_users=0.0", "training.simulate_items=0.0"],
    "no spectral start": ["training.spectral_start=false"],
    "no text neighbours": ["neighbours.k=0"],
    "text neighbours by meaning alone": ["neighbours.lexical=0.0"],
    "text neighbours across domains too": ["neighbours.across=10"],
    "texts not whitened": ["channels.whiten=0.0"],
    "no text": ['channels.leave_out=["text"]'],
    "no numbers": ['channels.leave_out=["numeric"]'],
    "histories": ["texts.histories=true"],
    "gate": ["model.fusion=gate"],
    "attention": ["model.fusion=attention"],
    "coral": ["training.alignment=coral"],
    "adversarial": ["training.alignment=adversarial"],
    "contrastive": ["training.alignment=contrastive"],
}
TUNED = "tuned encoder"
VARIANTS[TUNED] = []  # and the model folder that `isthmus finetune` makes for the protocol
METRICS = [("full", "NDCG@10"), ("full", "Recall@20"), ("sampled", "MRR"), ("sampled", "HR@10")]


def main() -> None:
    """Run what is asked and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("job", help="name of a file in benchmarks/jobs, without .toml")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--variants", nargs="+", default=["default"], choices=list(VARIANTS))
    parser.add_argument("--protocols", nargs="+", default=["user-cold", "item-cold"])
    parser.add_argument("--work", type=Path, default=Path("runs/transfer"))
    parser.add_argument("--again", action="store_true")
    arguments = parser.parse_args()
    out = HERE / "results" / f"transfer-{arguments.job}.json"
    report: dict[str, Any] = {"records": []}
    if out.is_file() and not arguments.again:
        report = json.loads(out.read_text(encoding="utf-8"))
    report["command"] = "python benchmarks/transfer.py " + arguments.job
    report["machine"] = machine("torch")
    done = {(r["protocol"], r["variant"], r["seed"]) for r in report["records"]}
    for protocol in arguments.protocols:
        for variant in arguments.variants:
            for seed in arguments.seeds:
                if (protocol, variant, seed) not in done:
                    record = measure(arguments.job, protocol, variant, seed, arguments.work)
                    report["records"].append(record)
                    write_json(out, report)
            report.setdefault("across_seeds", {})[f"{protocol}, {variant}"] = together(
                arguments.job, protocol, variant, arguments.work
            )
            write_json(out, report)
    for protocol in arguments.protocols:
        Console().print(table(arguments.job, protocol, report["records"]))


def measure(name: str, protocol: str, variant: str, seed: int, work: Path) -> dict[str, Any]:
    """Train and judge one variant with one seed.

    The seed moves parameters, batches and simulations, and the split where the job names no cold
    files. Floors are computed for the first seed of the default only.
    """
    base = RunFolder(work / name)
    began = time.monotonic()
    settings = VARIANTS[variant]
    if variant == TUNED:
        plain = with_settings(name, [f'task.protocols=["{protocol}"]'], seed, False)
        model = finetune_step(plain, (work / f"{name}-{protocol}-{seed}-encoder").resolve())
        settings = [f'encoder.model="{model}"']
    tuned = time.monotonic()
    job = with_settings(name, settings, seed, variant == "default" and seed == 0)
    first = load_job(HERE / "jobs" / f"{name}.toml")
    import_step(first, base)
    encode_step(first, base)
    folder = folder_of(name, protocol, variant, seed, work)
    shutil.rmtree(folder, ignore_errors=True)
    run = RunFolder(folder)
    folder.mkdir(parents=True)
    for part in ("graph",) if variant == TUNED else ("graph", "features"):
        (folder / part).symlink_to((base.path / part).resolve(), target_is_directory=True)
    if variant == TUNED:
        encode_step(job, run)
    prepared = time.monotonic()
    train_step(job, run, protocol)  # type: ignore[arg-type]
    trained = time.monotonic()
    results = evaluate_step(job, run, protocol)  # type: ignore[arg-type]
    return {
        "protocol": protocol,
        "variant": variant,
        "seed": seed,
        "tune_seconds": round(tuned - began, 1),
        "train_seconds": round(trained - prepared, 1),
        "evaluate_seconds": round(time.monotonic() - trained, 1),
        "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "epochs": len((run.task(protocol).metrics).read_text(encoding="utf-8").splitlines()) - 1,
        "num_users": results["num_users"],
        "num_rows": results["num_rows"],
        "scorers": {
            scorer: {"full": found["full"], "sampled": found["sampled"]}
            for scorer, found in results["scorers"].items()
        },
        "comparisons": {
            floor: {"NDCG@10": tests["NDCG@10"], "Recall@20": tests["Recall@20"]}
            for floor, tests in results["comparisons"].items()
        },
    }


def folder_of(name: str, protocol: str, variant: str, seed: int | str, work: Path) -> Path:
    """Return where a run lies."""
    return work / f"{name}-{protocol}-{variant.replace(' ', '-')}-{seed}"


def together(name: str, protocol: str, variant: str, work: Path) -> dict[str, Any]:
    """Return the mean of the seeds whose runs are still there, with intervals over users.

    Floors are those of seed 0: they have no seed where the job names its cold nodes.
    """
    pattern = folder_of(name, protocol, variant, "*", work).name
    found = sorted(work.glob(f"{pattern}/{protocol}/{FILE}"))
    return across_seeds([load_judged(path) for path in found]) if found else {}


def with_settings(name: str, settings: list[str], seed: int, floors: bool) -> JobConfig:
    """Return the job with a variant's settings."""
    overrides = [*settings, f"seed={seed}", f"evaluation.floors={str(floors).lower()}"]
    job = load_job(HERE / "jobs" / f"{name}.toml", overrides)
    return dataclasses.replace(job, name=name)


def table(name: str, protocol: str, records: list[dict[str, Any]]) -> Table:
    """Return floors and variants, means over seeds in percent, with the ratio to the best floor."""
    records = [record for record in records if record["protocol"] == protocol]
    shown = Table(title=f"{name}, {protocol}: test, %, mean (range) over seeds; x best floor")
    for heading in ("", "seeds", *(f"{group} {metric}" for group, metric in METRICS)):
        shown.add_column(heading, justify="left" if not heading else "right")
    floors: dict[str, Any] = {}
    for record in records:
        floors |= {k: v for k, v in record["scorers"].items() if k != "isthmus"}
    best = {
        (group, metric): max((f[group][metric]["mean"] for f in floors.values()), default=0.0)
        for group, metric in METRICS
    }
    for floor, found in floors.items():
        cells = [f"{100 * found[group][metric]['mean']:.2f}" for group, metric in METRICS]
        shown.add_row(floor, "", *cells)
    for variant in VARIANTS:
        mine = [r["scorers"]["isthmus"] for r in records if r["variant"] == variant]
        if not mine:
            continue
        cells = []
        for group, metric in METRICS:
            values = [100 * scorer[group][metric]["mean"] for scorer in mine]
            mean = statistics.fmean(values)
            spread = f" ({min(values):.2f}-{max(values):.2f})" if len(values) > 1 else ""
            floor = 100 * best[group, metric]
            cells.append(f"{mean:.2f}{spread}" + (f" x{mean / floor:.2f}" if floor else ""))
        shown.add_row(f"isthmus, {variant}", str(len(mine)), *cells)
    return shown


if __name__ == "__main__":
    main()
