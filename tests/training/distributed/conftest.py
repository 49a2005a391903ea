"""Processes that work together, as torchrun starts them."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PATIENCE = 120  # seconds until a test gives up on processes that wait for each other


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="session")
def together():
    """Run a script of this folder in several processes; return what each wrote as JSON."""

    def run(script, folder, *arguments, size=2):
        port = str(_free_port())
        processes = []
        for rank in range(size):
            environment = {
                **os.environ,
                "RANK": str(rank),
                "LOCAL_RANK": str(rank),
                "WORLD_SIZE": str(size),
                "MASTER_ADDR": "127.0.0.1",
                "MASTER_PORT": port,
                "OMP_NUM_THREADS": "1",
            }
            out = folder / f"{rank}.json"
            command = [sys.executable, HERE / script, out, *arguments]
            processes.append(
                subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
            )
        try:
            for process in processes:
                _, said = process.communicate(timeout=PATIENCE)
                assert process.returncode == 0, said
        finally:
            for process in processes:
                process.kill()
                process.wait()
        return [json.loads((folder / f"{rank}.json").read_text()) for rank in range(size)]

    return run


JOB = """
name = "checkerboard"
graph.mapping = "graph.toml"
task = { target = "films", protocols = ["user-cold"], valid_fraction = 0.2, test_fraction = 0.2 }
encoder = { model = "hashing", dim = 16, cache = "cache" }
neighbours.k = 3
model = { width = 16, text_width = 8 }
ranking.folds = 0
evaluation = { k = [2], sampled_negatives = 3, bootstrap = 20, calibration = "none" }

[training]
epochs = 2
batch_size = 64
negatives = 16
simulation_steps = 3
patience = 99
device = "cpu"
"""


@pytest.fixture(scope="session")
def job_file(write_checkerboard, tmp_path_factory):
    """Even users like even books and films, odd users odd ones: a job about it as a TOML."""
    folder = tmp_path_factory.mktemp("job")
    write_checkerboard(folder, users=24)
    (folder / "job.toml").write_text(JOB)
    return folder / "job.toml"
