"""What each architecture of a hop is worth on the valid part, and what it costs.

    ISTHMUS_DATA=... python benchmarks/architectures.py food-kitchen-to-kitchen --width 128

Every architecture trains one model of `benchmarks/jobs/NAME.toml` with default settings but for
its own name and the width. The test part is not looked at. Import and encoding are done once. A
record is written to `benchmarks/results/architectures.json` as soon as it exists, and what is there
is not measured again; `--again` does it again.
"""

import argparse
import json
import shutil
import time
from pathlib import Path
from typing import Any

from machine import machine
from rich.console import Console
from rich.table import Table

from gnn.convolutions.base import CONVOLUTIONS
from kg.files import write_json
from training.config import load_job
from training.encoding import encode_histories
from training.evaluation.valid import MONITOR
from training.fit import fit
from training.jobs import encode_step, import_step, split_step
from training.prepare import choose_device, prepare
from training.run_folder import RunFolder

HERE = Path(__file__).parent
OUT = HERE / "results" / "architectures.json"
KEY = ("job", "protocol", "architecture", "width", "settings", "seed")


def main() -> None:
    """Measure what is asked and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("job", help="name of a file in benchmarks/jobs, without .toml")
    parser.add_argument("--architectures", nargs="+", default=[*CONVOLUTIONS])
    parser.add_argument("--protocols", nargs="+", default=["user-cold"])
    parser.add_argument("--width", type=int, default=384)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--set", dest="settings", nargs="*", default=[], metavar="KEY=VALUE")
    parser.add_argument("--work", type=Path, default=Path("runs/architectures"))
    parser.add_argument("--again", action="store_true")
    arguments = parser.parse_args()
    for protocol in arguments.protocols:
        for architecture in arguments.architectures:
            key = {
                "job": arguments.job,
                "protocol": protocol,
                "architecture": architecture,
                "width": arguments.width,
                "settings": arguments.settings,
                "seed": arguments.seed,
            }
            if arguments.again or not any(same(r, key) for r in read()["records"]):
                record = {**key, **measure(key, arguments.work), "machine": machine("torch")}
                others = [r for r in read()["records"] if not same(r, key)]
                write_json(
                    OUT, {"command": __doc__.splitlines()[2].strip(), "records": [*others, record]}
                )
    Console().print(table(arguments.job))


def read() -> dict[str, Any]:
    """Return what was measured before."""
    if not OUT.is_file():
        return {"records": []}
    report: dict[str, Any] = json.loads(OUT.read_text(encoding="utf-8"))
    return report


def same(record: dict[str, Any], key: dict[str, Any]) -> bool:
    """Return whether a record is of this measurement."""
    return all(record[name] == key[name] for name in KEY)


def measure(key: dict[str, Any], work: Path) -> dict[str, Any]:
    """Train one model; return its valid score before and after, and its seconds."""
    path = HERE / "jobs" / f"{key['job']}.toml"
    base = RunFolder(work / key["job"])
    plain = load_job(path)
    import_step(plain, base)
    features = encode_step(plain, base)
    settings = [f"model.convolution={key['architecture']}", f"model.width={key['width']}"]
    job = load_job(path, [*settings, f"seed={key['seed']}", *key["settings"]])
    split = split_step(plain, base, key["protocol"])
    aside = work / "fit"
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    began, cpu = time.monotonic(), time.process_time()
    histories = encode_histories(job, split, base)
    objective = prepare(job, split, features, choose_device(job.training.device), further=histories)
    prepared = time.monotonic()
    fitted = fit(
        job,
        split,
        objective,
        checkpoints=aside / "checkpoints",
        metrics=aside / "metrics.jsonl",
        fingerprint=str(key),
    )
    ended = time.monotonic()
    scores = [record["valid"][MONITOR] for record in fitted.history]
    return {
        f"valid {MONITOR}": round(max(scores), 5),
        "by_epoch": [round(score, 5) for score in scores],
        "prepare_seconds": round(prepared - began, 1),
        "fit_seconds": round(ended - prepared, 1),
        "cpu_seconds": round(time.process_time() - cpu, 1),
        "parameters": sum(p.numel() for p in objective.model.convs.parameters()),
    }


def table(name: str) -> Table:
    """Return the records of a job, in percent."""
    shown = Table(title=f"{name}: valid {MONITOR}, %")
    for heading in ("protocol", "architecture", "width", "settings", "start", "best", "seconds"):
        shown.add_column(heading)
    for r in read()["records"]:
        if r["job"] == name:
            scores = (f"{100 * r['by_epoch'][0]:.2f}", f"{100 * r[f'valid {MONITOR}']:.2f}")
            row = (r["protocol"], r["architecture"], str(r["width"]), " ".join(r["settings"]))
            shown.add_row(*row, *scores, str(r["fit_seconds"]))
    return shown


if __name__ == "__main__":
    main()
