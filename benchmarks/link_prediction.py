"""Link prediction on a real knowledge graph: ours beside PyKEEN's ComplEx and RotatE, one split.

    ISTHMUS_DATA=DATA python benchmarks/link_prediction.py --peer PEER

PEER is the interpreter of an environment with PyKEEN 1.11 (`pip install torch pykeen==1.11.1`),
which is no dependency of this project. Triples are all edges of `lastfm-dbpedia/dbpedia.nt.gz`;
10 % are the test part and 5 % the valid part, drawn once. Every model is ranked by the same code,
`training/triples/ranks.py`, among all entities, filtered, both ways, ties at the middle.

Seconds are processor time of one thread, which other work on the machine changes less than the
clock. PyKEEN's settings are chosen on the valid part, `--trial` seconds each. The best of each
model then trains as long as ours did, but `--seconds` at least, and the best of its states on the
valid part counts. It needs them: in 60 seconds of one core its sampled loops see each triple one
to three times, and are still at chance. What is done lies in `--work` and is not done again.
"""

import argparse
import json
import os
import subprocess
import time
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from machine import called, machine

from kg.files import write_json
from training.seed import rng
from training.triples.config import triple_config
from training.triples.facts import Triples, TripleSplit, read_triples, split_triples
from training.triples.fit import fit_triples
from training.triples.frequency import frequency
from training.triples.ranks import FloatArray
from training.triples.results import judge, metrics_by_slice

RESULT = Path(__file__).parent / "results" / "link-prediction.json"
PEER_SCRIPT = Path(__file__).with_name("link_prediction_peer.py")
OURS = "isthmus ComplEx"
NSSA = {"loss": "nssa", "negatives": 32, "batch": 1_024, "optimizer": "adam"}
ALL = {"loss": "crossentropy", "negatives": 0, "batch": 512}
GRID = {
    "ComplEx": (
        {**NSSA, "dim": 64, "rate": 0.01, "loss_settings": {"margin": 1.0}},
        {**ALL, "dim": 64, "optimizer": "adagrad", "rate": 0.1},
        {**ALL, "dim": 64, "optimizer": "adam", "rate": 0.01},
    ),
    "RotatE": (
        {**NSSA, "dim": 64, "rate": 0.01, "loss_settings": {"margin": 9.0}},
        {**NSSA, "dim": 64, "rate": 0.05, "loss_settings": {"margin": 3.0}},
    ),
}


def peer(arguments: argparse.Namespace, work: Path, settings: dict[str, Any]) -> dict[str, Any]:
    """Train a PyKEEN model in its own interpreter; return valid MRR, looks and perhaps ranks."""
    text = json.dumps(settings, sort_keys=True)
    out = work / f"{settings['model']}-{settings['part']}-{hash_of(text):x}.npz"
    if not out.is_file():
        print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)
        command = [arguments.peer, "-W", "ignore", PEER_SCRIPT, work / "split.npz", text, out]
        subprocess.run([str(part) for part in command], check=True, stdout=subprocess.DEVNULL)
    with np.load(out) as found:
        answer = {name: found[name] for name in found.files}
    answer["valid"], answer["looks"] = float(answer["valid"]), json.loads(str(answer["looks"]))
    print(f"{text}: valid MRR {answer['valid']:.4f}", flush=True)
    return answer


def hash_of(text: str) -> int:
    """Return a number that names a text, the same in every process."""
    return zlib.crc32(text.encode())


def ours(work: Path, triples: Triples, split: TripleSplit, overrides: list[str]) -> dict[str, Any]:
    """Train ours with its defaults; return ranks, seconds and history."""
    config = triple_config(overrides)
    out = work / f"ours-{hash_of(repr(config)):x}.npz"
    if not out.is_file():
        began = time.process_time()
        sizes = (len(triples.entities), len(triples.relations))
        model = fit_triples(split, *sizes, config)
        seconds = time.process_time() - began
        ranks = judge(model.scorer(), triples, split)
        np.savez(out, ranks=ranks, seconds=seconds, history=model.history)
    with np.load(out) as found:
        return {name: found[name] for name in found.files} | {"config": config}


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer", required=True, help="interpreter of an environment with PyKEEN")
    parser.add_argument("--data", type=Path, default=os.environ.get("ISTHMUS_DATA"))
    parser.add_argument("--work", type=Path, default=Path("runs/link-prediction"))
    parser.add_argument("--trial", type=float, default=150, help="seconds for each setting")
    parser.add_argument("--seconds", type=float, default=900, help="of the chosen ones, at least")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="of ours")
    parser.add_argument("--out", type=Path, default=RESULT)
    arguments = parser.parse_args()
    if arguments.data is None:
        parser.error("set ISTHMUS_DATA or give --data")
    about = machine("torch", "torch_geometric")
    work = arguments.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    triples = read_triples(arguments.data / "lastfm-dbpedia" / "dbpedia.nt.gz")
    split = split_triples(triples, rng=rng(0, "triple split"))
    sizes = {"num_entities": len(triples.entities), "num_relations": len(triples.relations)}
    parts = {"train": split.train, "valid": split.valid, "test": split.test}
    np.savez(work / "split.npz", **parts, **sizes)

    found = ours(work, triples, split, arguments.set)
    ranks: dict[str, FloatArray] = {
        "frequency": judge(frequency(split.train, *sizes.values()), triples, split),
        OURS: found["ranks"],
    }
    seconds = {OURS: round(float(found["seconds"]), 1)}
    print(f"{OURS}: {seconds[OURS]} s, valid MRR {found['history'].max():.4f}", flush=True)
    budget = max(arguments.seconds, seconds[OURS])
    peers: dict[str, Any] = {}
    for model, grid in GRID.items():
        trials = []
        for settings in grid:
            trial = {**settings, "model": model, "seconds": arguments.trial, "part": "valid"}
            valid = peer(arguments, work, {**trial, "seed": 0})["valid"]
            trials.append({**settings, "valid_MRR": round(valid, 4)})
        best = grid[int(np.argmax([trial["valid_MRR"] for trial in trials]))]
        final = {**best, "model": model, "seconds": budget, "part": "test", "seed": 0}
        answer = peer(arguments, work, final)
        name = f"PyKEEN {model}"
        ranks[name], seconds[name] = answer["ranks"], budget
        peers[name] = {"trials": trials, "chosen": best, "looks": answer["looks"]}

    metrics = {
        name: metrics_by_slice(own, triples, split.test, split.train) for name, own in ranks.items()
    }
    mrr = {name: own["all"]["MRR"] for name, own in metrics.items()}
    result = {
        "command": called(),
        "machine": about,
        "triples": {"all": len(triples), **{k: len(v) for k, v in parts.items()}, **sizes},
        "left_out": dict(triples.left_out),
        "settings": vars(found["config"]),
        "valid_MRR": [round(float(value), 4) for value in found["history"]],
        "processor_seconds": seconds,
        "peers": peers,
        "ours_over": {name: round(mrr[OURS] / mrr[name], 3) for name in mrr if name != OURS},
        "metrics": metrics,
    }
    write_json(arguments.out, result)
    for name, own in metrics.items():
        cells = "  ".join(f"{key} {value:.4f}" for key, value in own["all"].items())
        ratio = mrr[OURS] / mrr[name]
        print(f"{name:16} {cells}  {seconds.get(name, 0):.0f} s, ours over it {ratio:.2f}")


if __name__ == "__main__":
    main()
