import os
import subprocess
import sys

import pytest

from queries.recommender import Recommender

PATIENCE = 400  # seconds; a tenth of that on a machine with nothing else to do


@pytest.mark.slow
def test_a_run_of_two_processes_ends_and_answers(job_file, tmp_path):
    run = tmp_path / "run"
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command = [*torchrun, "--nproc-per-node", "2", "-m", "isthmus", "run", job_file, "--out", run]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "160"}

    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False
    )

    assert done.returncode == 0, done.stderr
    assert done.stderr.count("2 workers:") == 1  # only the first says anything
    assert done.stdout.count("Report:") == 1
    assert (run / "report.html").is_file()
    ids, _ = Recommender.open(run).recommend("user-00", domain="films", k=2)
    assert len(ids) == 2
