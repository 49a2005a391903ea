"""Where does the source hurt? The model against itself trained on the target alone.

    ISTHMUS_DATA=... python benchmarks/negative_transfer.py food-kitchen-to-kitchen --protocols warm

Asks runs of `benchmarks/transfer.py` (variant default, seed 0, the same `--work`), which are made
where they are not there. Alone, the model is trained with the same settings on the target's
interactions; both are judged on the same rows of the test part, by group of users, with paired
intervals and Holm's correction over the groups. Writes `results/negative-transfer.json`.
"""

import argparse
import time
from pathlib import Path
from typing import Any

from machine import called, machine
from rich.console import Console
from transfer import folder_of, measure

from kg.files import read_json, write_json
from training.comparing import target_alone
from training.evaluation.negative_transfer import negative_transfer_table
from training.run_folder import RunFolder

RESULT = Path(__file__).parent / "results" / "negative-transfer.json"


def main() -> None:
    """Compare what is asked, write, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("job", help="name of a file in benchmarks/jobs, without .toml")
    parser.add_argument("--protocols", nargs="+", default=["warm", "item-cold"])
    parser.add_argument("--work", type=Path, default=Path("runs/transfer"))
    arguments = parser.parse_args()
    report: dict[str, Any] = {"records": []}
    if RESULT.is_file():
        report = read_json(RESULT)
    for protocol in arguments.protocols:
        run = RunFolder(folder_of(arguments.job, protocol, "default", 0, arguments.work))
        if not run.task(protocol).results.is_file():
            measure(arguments.job, protocol, "default", 0, arguments.work)
        if not run.config.is_file():  # runs of `transfer.py` share their graph and have no job
            about = read_json(run.task(protocol).model / "model.json")
            write_json(run.config, about["job"])
        began = time.monotonic()
        found = target_alone(run, protocol)  # type: ignore[arg-type]
        place = {"job": arguments.job, "protocol": protocol, "seed": 0}
        kept = [r for r in report["records"] if not place.items() <= r.items()]
        seconds = round(time.monotonic() - began, 1)
        report["records"] = [*kept, {**place, "seconds": seconds, **found}]
        report |= {"command": called(), "machine": machine("torch")}
        write_json(RESULT, report)
        Console().print(negative_transfer_table(f"{arguments.job}, {protocol}", found))


if __name__ == "__main__":
    main()
