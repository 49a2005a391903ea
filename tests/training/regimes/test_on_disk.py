from pathlib import Path

import pytest
import torch

from training.prepare import prepare
from training.seed import generator

CPU = torch.device("cpu")


@pytest.mark.skipif(not Path("/proc/self/maps").is_file(), reason="says where memory is from")
def test_edges_and_channels_are_mapped_from_files(make_job, split, features, tmp_path):
    objective = prepare(make_job(regime="sampled"), split, features, CPU, scratch=tmp_path)
    objective.embed()
    objective(objective.simulate(generator(0, "world")), 16, generator(0, "batch"))

    ranges = []
    for line in Path("/proc/self/maps").read_text(encoding="utf-8").splitlines():
        if str(tmp_path) in line:
            ranges.append([int(end, 16) for end in line.split()[0].split("-")])
    tensors = [rows for of in objective.x.values() for rows in of.values()]
    for adjacency in (*objective.graph.adjacencies.values(), *objective.graph.near.values()):
        tensors += [value for value in vars(adjacency).values() if isinstance(value, torch.Tensor)]
    assert len(tensors) > 20
    for tensor in tensors:
        assert any(start <= tensor.data_ptr() < end for start, end in ranges)
