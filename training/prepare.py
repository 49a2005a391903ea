"""Split and features to everything the loop needs: graph tensors, network, objective."""

import numpy as np
import torch

from encoders.channels import ChannelConfig
from encoders.features import Features
from encoders.fitted import Channels, FittedChannels
from encoders.neighbours import nearest_neighbours
from gnn.data import to_hetero
from gnn.model import TransferGNN
from gnn.start import start_from_data
from gnn.views import GraphView
from kg.errors import ConfigError, InputError
from kg.graph import FloatArray, KnowledgeGraph
from kg.vocab import IntArray
from training.config import JobConfig
from training.evaluation.split import Split
from training.objective import Objective
from training.seed import rng


def choose_device(name: str) -> torch.device:
    """Return the device called `name`; "auto" is CUDA where there is any.

    Raises:
        ConfigError: there is no such device on this machine.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        torch.empty(0, device=name)
        return torch.device(name)
    except (RuntimeError, AssertionError):
        raise ConfigError(
            f'training.device = {name!r}: not on this machine; "auto" takes what there is'
        ) from None


def prepare(
    job: JobConfig,
    split: Split,
    features: Features,
    device: torch.device,
    *,
    channels: ChannelConfig | None = None,
    further: Channels | None = None,
    fusion: str = "concat",
) -> Objective:
    """Build the objective of one protocol; nothing held out is looked at.

    Args:
        job: settings.
        split: what is held out.
        features: vectors of the nodes.
        device: where to compute.
        channels: which channels there are.
        further: channels made of `split.train`, such as histories of users.
        fusion: of channels.

    Raises:
        ConfigError: `channels` names a channel or column that is not there.
        InputError: nothing is left to train on.
    """
    train = split.train
    edges = train.interaction_edges
    if not len(edges):
        raise InputError(f"the {split.protocol} split leaves no interaction to train on")
    config = channels or ChannelConfig()
    encoded = {
        node_type: {**features.channels.get(node_type, {}), **(further or {}).get(node_type, {})}
        for node_type in train.nodes
    }
    seed = int(rng(job.seed, "projections").integers(2**31))
    fitted = FittedChannels.fit(train, encoded, config, seed=seed)
    kept = features.without(config.leave_out)
    neighbours = text_neighbours(train, kept, job.model.text_neighbours)
    data = to_hetero(train, fitted.apply(train, encoded), neighbours)
    graph = GraphView(data, train.user_type, train.item_type)
    with torch.random.fork_rng(devices=[]):  # parameters are drawn from torch's global generator
        torch.manual_seed(int(rng(job.seed, "parameters").integers(2**62)))
        shape = job.model
        text_width = shape.text_width if "x" in data[train.item_type] else 0
        model = TransferGNN(
            graph,
            data,
            parts=(shape.width, text_width) if text_width else (shape.width,),
            layers=shape.layers,
            decoder=shape.decoder,
            fusion=fusion,
        )
        if job.training.spectral_start:
            start_from_data(
                model,
                {name: data[name].x for name in data.node_types if "x" in data[name]},
                edges.src,
                edges.dst,
                num_users=len(train.users),
                width=shape.width,
                seed=int(rng(job.seed, "spectral").integers(2**31)),
            )
        objective = Objective(model, graph.to(device), data, split, job.training, device)
        objective.channels = fitted
    return objective.to(device)


def text_neighbours(
    train: KnowledgeGraph, features: Features, k: int
) -> tuple[IntArray, FloatArray] | None:
    """Return each item's nearest warm items of its own domain in text, None without text.

    Only items with training interactions are neighbours: the others have nothing to lend.

    Returns:
        Rows and cosines, both `[num_items, k]`; row -1 where there are fewer. An item of several
        domains takes its neighbours from the last of them.
    """
    vectors = features.vectors.get(train.item_type)
    if vectors is None or k == 0:
        return None
    warm = np.zeros(len(train.items), dtype=np.bool_)
    warm[train.interaction_edges.dst] = True
    rows = np.full((len(vectors), k), -1, dtype=np.int64)
    cosine = np.zeros((len(vectors), k), dtype=np.float32)
    for domain in train.domains:
        inside = train.item_mask(domain)
        items, keys = np.flatnonzero(inside), np.flatnonzero(inside & warm)
        if not len(keys):
            continue
        # one more, because a warm item finds itself first
        found, near = nearest_neighbours(vectors[items], vectors[keys], min(k + 1, len(keys)))
        found = np.where(found >= 0, keys[found], -1)
        itself = found == items[:, None]
        order = np.argsort(itself | (found < 0), axis=1, kind="stable")[:, :k]
        found = np.where(itself, -1, found)
        width = order.shape[1]
        rows[items, :width] = np.take_along_axis(found, order, axis=1)
        cosine[items, :width] = np.take_along_axis(np.where(itself, 0, near), order, axis=1)
    return rows, cosine
