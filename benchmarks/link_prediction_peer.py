"""Train one PyKEEN model for so many seconds, and rank triples with our evaluator.

    PYTHON benchmarks/link_prediction_peer.py SPLIT.npz SETTINGS OUT.npz

Run by `link_prediction.py` with the interpreter of an environment that has PyKEEN 1.11; needs
nothing of this project but `training/triples/ranks.py`, which needs NumPy only. SETTINGS is JSON:
model, dim, loss, negatives (0: every entity is one), rate, batch, optimizer, seconds (of processor
time, evaluation not counted), part (`valid` or `test`) and seed.

Four times on the way a sample of the valid part is ranked, and the best of the four states counts.
"""

import copy
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pykeen.losses import loss_resolver
from pykeen.models import model_resolver
from pykeen.training import LCWATrainingLoop, SLCWATrainingLoop, TrainingCallback
from pykeen.triples import CoreTriplesFactory
from torch import cdist
from torch.optim import Adagrad, Adam

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from training.triples.ranks import filtered_ranks, link_metrics

LOOKS = 4
SAMPLE = 2_000  # valid triples ranked at each look


class _Over(Exception):
    """The time is used up."""


class _Clock(TrainingCallback):
    """Looks at the valid part four times, and stops when the time is over."""

    def __init__(self, seconds: float, look: Any) -> None:
        super().__init__()
        self.left, self.seconds, self.look = seconds, seconds, look
        self.looks, self.began, self.batches = 0, time.process_time(), 0

    def post_batch(self, epoch: int, batch: Any, **kwargs: Any) -> None:
        now = time.process_time()
        self.left -= now - self.began
        self.batches += 1
        if self.left <= self.seconds * (1 - (self.looks + 1) / LOOKS):
            self.looks += 1
            self.look(self.seconds - self.left, epoch)
            if self.looks == LOOKS:
                raise _Over
        self.began = time.process_time()


@torch.no_grad()
def scorer(model: Any, num_relations: int) -> Any:
    """Return PyKEEN's scores as the evaluator asks for them, as products of matrices.

    Its own `predict_t` and `predict_h` give the same numbers, as is checked here, by way of
    questions x entities x width: many times slower.
    """
    entities = model.entity_representations[0]()
    relations = model.relation_representations[0]()
    inverse = model.use_inverse_triples  # relation r is row 2 r then, and its inverse the next

    @torch.no_grad()
    def score(entity: Any, relation: Any) -> Any:
        heads = torch.from_numpy(relation >= num_relations)
        number = torch.from_numpy(relation) % num_relations
        if inverse:
            factor = relations[2 * number + heads]
        else:  # Re(h r t*) = Re(t r* h*), and |h r - t| = |h - t r*| where |r| = 1
            factor = torch.where(heads[:, None], relations[number].conj(), relations[number])
        query = torch.view_as_real((entities[entity] * factor).resolve_conj()).flatten(1)
        answers = torch.view_as_real(entities).flatten(1)
        scores = query @ answers.T if type(model).__name__ == "ComplEx" else -cdist(query, answers)
        return scores.numpy()

    asked = torch.arange(6).reshape(3, 2) % num_relations
    numbers = (asked[:, 0].numpy(), asked[:, 1].numpy())
    torch.testing.assert_close(
        torch.from_numpy(score(*numbers)), model.predict_t(asked), rtol=1e-3, atol=1e-3
    )
    torch.testing.assert_close(
        torch.from_numpy(score(numbers[0], numbers[1] + num_relations)),
        model.predict_h(asked.flip(1)),
        rtol=1e-3,
        atol=1e-3,
    )
    return score


def main() -> None:
    """Train, rank, write."""
    split, settings, out = np.load(sys.argv[1]), json.loads(sys.argv[2]), sys.argv[3]
    sizes = {name: int(split[name]) for name in ("num_entities", "num_relations")}
    torch.manual_seed(settings["seed"])
    everything = settings["negatives"] == 0
    factory = CoreTriplesFactory.create(
        mapped_triples=torch.from_numpy(split["train"]),
        create_inverse_triples=everything,  # so that tails and heads are both learned
        **sizes,
    )
    model = model_resolver.make(
        settings["model"],
        triples_factory=factory,
        embedding_dim=settings["dim"],
        loss=loss_resolver.make(settings["loss"], settings.get("loss_settings")),
        random_seed=settings["seed"],
    )
    parts = {name: split[name] for name in ("train", "valid", "test")}
    sample = np.random.default_rng(0).permutation(parts["valid"])[:SAMPLE]
    looks: list[dict[str, float]] = []
    best: dict[str, Any] = {"MRR": -1.0}

    def ranks(asked: Any, known: list[str]) -> Any:
        facts = np.concatenate([parts[name] for name in known])
        return filtered_ranks(scorer(model, sizes["num_relations"]), asked, facts, **sizes)

    def look(seconds: float, epoch: int) -> None:
        mrr = link_metrics(ranks(sample, ["train", "valid"]))["MRR"]
        looks.append({"seconds": round(seconds, 1), "epochs": epoch - 1, "MRR": round(mrr, 4)})
        print(json.dumps(looks[-1]), flush=True)
        if mrr > best["MRR"]:
            best.update(MRR=mrr, state=copy.deepcopy(model.state_dict()))
        model.train()

    optimizer = {"adam": Adam, "adagrad": Adagrad}[settings["optimizer"]](
        model.get_grad_params(), lr=settings["rate"]
    )
    made = {"model": model, "triples_factory": factory, "optimizer": optimizer}
    loop = (
        LCWATrainingLoop(**made)
        if everything
        else SLCWATrainingLoop(
            **made, negative_sampler_kwargs={"num_negs_per_pos": settings["negatives"]}
        )
    )
    try:
        loop.train(
            factory,
            num_epochs=100_000,
            batch_size=settings["batch"],
            use_tqdm=False,
            callbacks=_Clock(settings["seconds"], look),
        )
    except _Over:
        model.load_state_dict(best["state"])
    answer = {"valid": best["MRR"], "looks": json.dumps(looks)}
    if settings["part"] == "test":
        answer["ranks"] = ranks(parts["test"], ["train", "valid", "test"])
    np.savez(out, **answer)


if __name__ == "__main__":
    main()
