import importlib.util
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from kg.errors import ConfigError
from training.distributed.cluster import Cluster

HERE = Path(__file__).parent
PATIENCE = 400  # seconds; a tenth of that on a machine with nothing else to do
needs_ray = pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is an extra")


@pytest.fixture(scope="module")
def happened(job_file, tmp_path_factory):
    """One cluster for everything: starting it takes longer than what is asked of it."""
    folder = tmp_path_factory.mktemp("ray")
    out, said = folder / "out.json", folder / "said.txt"
    command = [sys.executable, HERE / "ray_driver.py", out, job_file, folder]
    with said.open("w") as file:
        # a session of its own, so that nothing of it is left whatever happens
        process = subprocess.Popen(command, stdout=file, stderr=file, start_new_session=True)
        try:
            assert process.wait(PATIENCE) == 0, said.read_text()
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
    return json.loads(out.read_text())


@needs_ray
@pytest.mark.slow
def test_texts_are_encoded_as_they_are_here_and_once(happened):
    assert happened["encoded"]


@needs_ray
@pytest.mark.slow
def test_a_worker_that_is_killed_is_replaced_and_training_goes_on(happened):
    assert happened["trained"] == {"killed": 1, "epochs": list(range(13)), "left": []}


@needs_ray
@pytest.mark.slow
def test_answers_are_those_of_one_process(happened):
    assert happened["answered"]


@needs_ray
@pytest.mark.slow
def test_what_would_go_wrong_again_is_not_tried_again(happened):
    assert happened["refused"] == ["the loss is not finite"]


def test_a_ray_client_is_refused():
    with pytest.raises(ConfigError, match="cannot train"):
        Cluster(address="ray://head:10001")


def test_without_ray_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ConfigError, match=r"pip install 'isthmus\[ray\]'"), Cluster().joined():
        pass


def test_an_address_where_nobody_answers_is_named(monkeypatch):
    def init(address, **_):
        raise ConnectionError(f"no node at {address}\nand a long story")

    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace(init=init))
    said = r"no Ray cluster answers at --ray-address head:6379 \(no node at head:6379\)$"
    with pytest.raises(ConfigError, match=said), Cluster(address="head:6379").joined():
        pass


def test_a_cluster_that_is_there_is_joined_as_it_is_and_left(monkeypatch):
    done = []
    ray = SimpleNamespace(init=lambda **given: done.append(given), shutdown=lambda: done.append(0))
    monkeypatch.setitem(sys.modules, "ray", ray)
    with Cluster(address="auto", workers=8).joined():
        assert len(done) == 1
    assert done[0]["address"] == "auto"
    assert not {"num_cpus", "object_store_memory"} & set(done[0])  # those are the cluster's own
    assert done[1:] == [0]


def test_every_worker_has_its_share_of_this_machine(monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    assert Cluster(workers=2).cpus_each == 4
    assert Cluster(workers=16).cpus_each == 1
    assert Cluster(workers=2, cpus=3).cpus_each == 3
    assert Cluster(address="auto", workers=2).cpus_each == 1
