"""Says what one of several workers gets; run by the tests in this folder."""

import json
import sys
from pathlib import Path

import torch
from torch import nn

from training.distributed import workers as module
from training.distributed.workers import workers_of_environment
from training.seed import generator


def averaged(workers):
    """Gradients of parameters that not every worker has used, small buckets and large ones."""
    module.BUCKET_BYTES = 64
    shapes = {"both": (3, 2), "first": (4,), "nobody": (2,), "large": (40,), "frozen": (2,)}
    parameters = {name: nn.Parameter(torch.zeros(shape)) for name, shape in shapes.items()}
    parameters["double"] = nn.Parameter(torch.zeros(2, dtype=torch.float64))
    parameters["frozen"].requires_grad_(False)
    for name in ("both", "large", "double", *(["first"] if workers.is_first else [])):
        parameters[name].grad = torch.full_like(parameters[name], 1.0 + 2 * workers.rank)
    parameters["both"].grad = torch.arange(6.0).reshape(3, 2) * (1 + workers.rank)
    workers.average_gradients(parameters.values())
    return {name: None if p.grad is None else p.grad.tolist() for name, p in parameters.items()}


def alike(workers):
    """A module whose start depends on the worker, and a buffer."""
    layer = nn.BatchNorm1d(3)
    with torch.no_grad():
        layer.weight.fill_(workers.rank + 5)
        layer.running_mean.fill_(workers.rank + 7)
    workers.start_alike(layer)
    return [layer.weight.tolist(), layer.running_mean.tolist()]


def drawn(workers):
    """What is drawn alike, and what is not; twice, as a resumed run would."""
    shared = generator(3, "training")
    own = [torch.rand(2, generator=workers.draws(shared, 3, step)).tolist() for step in (0, 1, 0)]
    return {"shared": torch.rand(2, generator=shared).tolist(), "own": own}


def main():
    """Write what this worker got."""
    with workers_of_environment("cpu") as workers:
        workers.barrier()
        found = {
            "rank": workers.rank,
            "size": workers.size,
            "first": workers.is_first,
            "gradients": averaged(workers),
            "alike": alike(workers),
            "any": [workers.any(workers.rank == 1), workers.any(False)],
            "average": workers.average(torch.tensor([1.0, workers.rank])).tolist(),
            "draws": drawn(workers),
        }
    Path(sys.argv[1]).write_text(json.dumps(found))


main()
