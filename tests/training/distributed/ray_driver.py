"""Encodes, trains with a worker that is killed, and answers on a Ray cluster here; run by tests."""

import contextlib
import json
import sys
import threading
import time
from pathlib import Path

import numpy as np
import psutil

from encoders.load import encoder_of
from encoders.settings import EncoderConfig
from kg.errors import InputError, IsthmusError
from queries.batch import recommend_file
from queries.filters import SEEN_LEFT_OUT
from queries.recommender import Recommender
from queries.spread import spread_answers
from training.config import load_job
from training.distributed.cluster import Cluster
from training.distributed.ray_training import no_second_try
from training.distributed.spread_encoder import SpreadEncoder
from training.jobs import run_job
from training.run_folder import RunFolder


def encoded(folder, cluster):
    """Whether vectors are the same, and whether the second call reads them from the cache."""
    texts = [f"text number {number}" for number in range(2_100)] + ["", "text number 3"]
    made = {}
    for name in ("here", "there"):
        config = EncoderConfig(model="hashing", dim=16, cache=folder / name)
        encoder = encoder_of(config)
        if name == "there":
            encoder.encoder = SpreadEncoder(encoder.encoder, config, cluster)
        made[name] = encoder.encode(texts)
    encoder.encoder.encode_blocks = lambda blocks: (_ for _ in ()).throw(AssertionError("again"))
    again = encoder.encode(texts)
    return bool(np.array_equal(made["here"], made["there"]) and np.array_equal(again, made["here"]))


def workers_here():
    """Processes of Ray Train that this process has brought about."""
    found = []
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if "RayTrainWorker" in " ".join(process.cmdline()):
                found.append(process)
    return found


def kill_one(metrics, killed):
    """Kill a worker when three epochs are done."""
    while not killed:
        time.sleep(0.05)
        if metrics.is_file() and metrics.read_text().count("valid") > 3 and workers_here():
            victim = workers_here()[-1]
            victim.kill()
            killed.append(victim.pid)


def trained(job_file, folder, cluster):
    """What comes of a run whose worker is killed."""
    run = RunFolder(folder / "run")
    job = load_job(job_file, ["training.epochs=12", "evaluation.floors=false"])
    killed: list[int] = []
    metrics = run.task("user-cold").metrics
    thread = threading.Thread(target=kill_one, args=(metrics, killed), daemon=True)
    thread.start()
    run_job(job, run, cluster=cluster)
    thread.join(1)
    records = [json.loads(line) for line in metrics.read_text().splitlines()]
    epochs = [record["epoch"] for record in records if "valid" in record]
    left = [path.name for path in run.path.iterdir() if path.name.startswith(".")]
    return {"killed": len(killed), "epochs": epochs, "left": left}


def answered(folder, cluster):
    """Whether answers of a cluster are those of this process."""
    recommender = Recommender.open(folder / "run")
    asked = {"domain": "films", "k": 3}
    files = {}
    for name in ("here", "there"):
        out = folder / f"{name}.csv"
        answer = None
        if name == "there":
            answer = spread_answers(recommender, cluster, **asked, filters=SEEN_LEFT_OUT)
        summary = recommend_file(recommender, None, out, **asked, answer=answer)
        files[name] = (out.read_text(), summary.written)
    return files["here"] == files["there"] and files["here"][1] > 20


def refused():
    """Which errors of a worker end everything at once, and which do not."""
    stop = no_second_try()
    found = []
    for error in (RuntimeError("connection closed"), InputError("the loss is not finite")):
        try:
            stop.after_exception(None, {1: error})
        except IsthmusError as caught:
            found.append(str(caught))
    return found


def main():
    """Write what happened."""
    out, job_file, folder = (Path(argument) for argument in sys.argv[1:])
    cluster = Cluster(workers=2, cpus=1)
    with cluster.joined():
        found = {
            "encoded": encoded(folder, cluster),
            "trained": trained(job_file, folder, cluster),
            "answered": answered(folder, cluster),
            "refused": refused(),
        }
    out.write_text(json.dumps(found))


if __name__ == "__main__":
    main()
