"""One epoch of training beside PyG's stock LightGCN with its scatter message passing.

    ISTHMUS_DATA=... python benchmarks/epoch.py food-kitchen-to-kitchen
    ISTHMUS_DATA=... python benchmarks/epoch.py food-kitchen-to-kitchen --profile table.txt

The graph is the training part of a job, without texts. Every step of the epoch is taken by one
after the other, so that all meet the same load: ours as `isthmus train` takes it, then the peers,
on the same interactions with the same negatives. A step is forward, backward and Adam. What ours
takes to draw the batch counts; the peers are given it. Each has two steps to warm up.

- `lightgcn` and `light` are our convolutions with the interactions alone, without alignment or
  simulated cold starts. Ours learns vectors of items, LightGCN of users too.
- `default` is `light` with the alignment and the cold starts that a job trains by default.
- PyG: `torch_geometric.nn.LightGCN`, given an `edge_index`.
- RecBole's operations: what its `LightGCN.forward` does, `torch.sparse.mm` with a COO matrix. The
  package itself is not asked: see `recbole` in the results.

Losses are the sampled softmax and BPR, of PyG by its own `recommendation_loss`. Printed are seconds
of processor and of wall time of the epoch, and how many times as long the peers take.
"""

import argparse
from collections.abc import Callable
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import torch
from machine import called, machine
from torch import Tensor, nn
from torch.nn import functional as F
from torch_geometric.nn import LightGCN
from torch_geometric.nn.conv.gcn_conv import gcn_norm

from encoders.channels.features import Features
from kg.files import write_json
from training.batch import Batch
from training.config import load_job
from training.evaluation.split import make_split
from training.jobs import import_step
from training.objective import Objective
from training.prepare import prepare
from training.run_folder import RunFolder
from training.seed import generator
from training.step import make_optimizer, train_step

HERE = Path(__file__).parent
OUT = HERE / "results" / "epoch.json"
WIDTH, LAYERS, WARM_UP = 64, 2, 2
PLAIN = ("training.alignment=none", "training.simulate_users=0.0", "training.simulate_items=0.0")
VARIANTS: dict[str, tuple[str, ...]] = {
    "lightgcn": ("model.convolution=lightgcn", *PLAIN),
    "light": PLAIN,
    "default": (),
}
RECBOLE = (
    "1.2.1 cannot run here: it asks for ray<=2.6.3, colorlog==4.7.2 and colorama==0.4.4, and its "
    "LightGCN calls dok_matrix._update, which SciPy no longer has"
)
Step = Callable[[Batch], None]


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("job", help="name of a file in benchmarks/jobs, without .toml")
    parser.add_argument("--variants", nargs="+", default=[*VARIANTS], choices=[*VARIANTS])
    parser.add_argument("--losses", nargs="+", default=["softmax", "bpr"])
    parser.add_argument("--negatives", type=int, default=1_024)
    parser.add_argument("--steps", type=int, help="of the epoch, the first so many; all")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--work", type=Path, default=Path("runs/epoch"))
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--profile", type=Path, help="file for the profiler's table of our steps")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    report: dict[str, Any] = {
        "command": called(),
        "machine": machine("torch", "torch_geometric"),
        "width": WIDTH,
        "layers": LAYERS,
        "negatives": arguments.negatives,
        "recbole": RECBOLE,
        "records": [],
    }
    for variant in arguments.variants:
        for loss in arguments.losses:
            report["records"].append(measure(arguments, variant, loss))
            write_json(arguments.out, report)
            arguments.profile = None  # one is enough


def measure(arguments: argparse.Namespace, variant: str, loss: str) -> dict[str, Any]:
    """Take the steps of an epoch by everyone in turn; print and return their seconds."""
    objective, batch_size = prepared(arguments, variant, loss)
    config = objective.config
    optimizer = make_optimizer(objective, config)
    draws, again = generator(0, "training", "cpu"), torch.Generator()
    peers = {
        "PyG LightGCN": peer(PyG(objective), loss),
        "RecBole's operations": peer(RecBole(objective), loss),
    }
    seconds = {name: {"cpu": 0.0, "wall": 0.0} for name in ("ours", *peers)}
    epoch = -(-objective.num_interactions // batch_size)
    steps = arguments.steps or epoch
    world = objective.simulate(draws)
    for step in range(-WARM_UP, steps):
        began = process_time(), perf_counter()
        if step > 0 and step % objective.world_steps == 0:
            world = objective.simulate(draws)
        again.set_state(draws.get_state())
        train_step(objective, optimizer, world, batch_size, draws)
        count(seconds["ours"], began, step)
        batch = objective._draw(world, batch_size, again)
        for name, take in peers.items():
            began = process_time(), perf_counter()
            take(batch)
            count(seconds[name], began, step)
    if arguments.profile is not None:
        with torch.profiler.profile() as profile:
            for _ in range(3):
                train_step(objective, optimizer, world, batch_size, draws)
        table = profile.key_averages().table(sort_by="self_cpu_time_total", row_limit=25)
        arguments.profile.write_text(f"{variant}, {loss}, 3 steps\n{table}", encoding="utf-8")
    record = {
        "variant": variant,
        "loss": loss,
        "batch_size": batch_size,
        "interactions": objective.num_interactions,
        "steps": steps,
        "steps_of_an_epoch": epoch,
        "seconds": {
            name: {key: round(value, 2) for key, value in of.items()}
            for name, of in seconds.items()
        },
        "times_as_long_as_ours": {
            name: {key: round(of[key] / seconds["ours"][key], 2) for key in of}
            for name, of in seconds.items()
            if name != "ours"
        },
    }
    print(f"{variant}, {loss}, {steps} steps: ours {seconds['ours']['cpu']:.2f} s of a processor")
    for name, ratio in record["times_as_long_as_ours"].items():
        print(f"  {name}: {ratio['cpu']} times as long ({ratio['wall']} in wall time)")
    return record


def prepared(arguments: argparse.Namespace, variant: str, loss: str) -> tuple[Objective, int]:
    """Return what our steps minimise, and the size of a batch."""
    path = HERE / "jobs" / f"{arguments.job}.toml"
    settings = (
        f"model.width={WIDTH}",
        f"model.layers={LAYERS}",
        "training.regime=full",
        f"training.loss={loss}",
        f"training.negatives={arguments.negatives}",
        *VARIANTS[variant],
    )
    job = load_job(path, settings)
    graph = import_step(load_job(path), RunFolder(arguments.work / arguments.job))
    split = make_split(graph, job.task, "user-cold", job.seed)
    features = Features(channels={}, fingerprint="", graph=graph.fingerprint)
    objective = prepare(job, split, features, torch.device("cpu"))
    return objective, job.training.batch_size


def count(seconds: dict[str, float], began: tuple[float, float], step: int) -> None:
    """Add the time since `began`, unless the step was one of those that warm up."""
    if step >= 0:
        seconds["cpu"] += process_time() - began[0]
        seconds["wall"] += perf_counter() - began[1]


def both_ways(objective: Objective) -> Tensor:
    """Return the interactions in both directions, items after users, int64 `[2, 2 num_edges]`."""
    users = objective.users
    items = objective.items + objective.model.num_nodes[objective.model.user_type]
    return torch.stack([torch.cat([users, items]), torch.cat([items, users])])


class PyG(nn.Module):
    """The stock model."""

    def __init__(self, objective: Objective) -> None:
        super().__init__()
        model, self.edges = objective.model, both_ways(objective)
        self.num_users = model.num_nodes[model.user_type]
        self.gcn = LightGCN(self.num_users + model.num_nodes[model.item_type], WIDTH, LAYERS)

    def forward(self) -> Tensor:
        """Return all embeddings, users first."""
        z: Tensor = self.gcn.get_embedding(self.edges)
        return z


class RecBole(nn.Module):
    """Operation by operation what `recbole.model.general_recommender.LightGCN` does."""

    def __init__(self, objective: Objective) -> None:
        super().__init__()
        model = objective.model
        self.num_users = model.num_nodes[model.user_type]
        num_nodes = self.num_users + model.num_nodes[model.item_type]
        edges, values = gcn_norm(both_ways(objective), num_nodes=num_nodes, add_self_loops=False)
        self.matrix = torch.sparse_coo_tensor(
            edges, values, (num_nodes, num_nodes), check_invariants=False
        )
        self.users = nn.Embedding(self.num_users, WIDTH)
        self.items = nn.Embedding(num_nodes - self.num_users, WIDTH)

    def forward(self) -> Tensor:
        """Return all embeddings, users first."""
        z = torch.cat([self.users.weight, self.items.weight])
        layers = [z]
        for _ in range(LAYERS):
            z = torch.sparse.mm(self.matrix, z)
            layers.append(z)
        return torch.stack(layers, dim=1).mean(dim=1)


def peer(model: PyG | RecBole, loss: str) -> Step:
    """Return a step of a peer: the same losses as PyG and PyTorch have them."""
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    gcn = LightGCN(1, 1, 1)  # for its loss

    def step(batch: Batch) -> None:
        optimizer.zero_grad()
        z, total = model(), torch.zeros(())
        for contest in batch.contests:
            queries = z[batch.users[contest.chosen]]
            own = queries * z[model.num_users + batch.items[contest.chosen]]
            positive = own.sum(dim=1, keepdim=True)
            negatives = queries @ z[model.num_users + contest.negatives.items].T
            share = len(queries) / len(batch.users)
            if loss == "bpr":
                found = gcn.recommendation_loss(positive, negatives, lambda_reg=0.0)
            else:
                scores = torch.cat([positive, negatives - contest.negatives.log_expected], dim=1)
                found = F.cross_entropy(scores, torch.zeros(len(scores), dtype=torch.long))
            total = total + share * found
        total.backward()
        optimizer.step()

    return step


if __name__ == "__main__":
    main()
