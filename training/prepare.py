"""Split and features to everything the loop needs: graph tensors, network, objective."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from encoders.channels.attributes import TEXT
from encoders.channels.features import Features
from encoders.channels.fitted import Channels, FittedChannels
from encoders.neighbours.edges import Neighbours, TextEdgeConfig
from encoders.neighbours.space import TextSpace
from encoders.texts.templates import TextConfig
from encoders.texts.verbalize import node_texts
from gnn.data import NEAR, NEAR_ACROSS, interaction_types, to_hetero
from gnn.model import TransferGNN
from gnn.start import start_from_data
from gnn.views import GraphView
from kg.errors import ConfigError, InputError
from kg.graph import FloatArray, KnowledgeGraph
from training.config import JobConfig
from training.distributed.workers import ALONE, Workers
from training.evaluation.split import Split
from training.objective import Objective
from training.regimes.choose import Choice, choose
from training.regimes.make import make_regime
from training.regimes.on_disk import on_disk
from training.regimes.scratch import Scratch
from training.seed import rng
from training.simulation import simulation_of


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
    further: Channels | None = None,
    neighbours: Mapping[str, Neighbours] | None = None,
    fitted: FittedChannels | None = None,
    weights: Mapping[str, Tensor] | None = None,
    choice: Choice | None = None,
    scratch: Path | None = None,
    workers: Workers = ALONE,
) -> Objective:
    """Build the objective of one protocol; nothing held out is looked at.

    Args:
        job: settings.
        split: what is held out.
        features: vectors of the nodes.
        device: where to compute.
        further: channels made of `split.train`, such as histories of users.
        neighbours: text neighbours by relation where they are known; None to search them.
        fitted: what makes the network's input of features; None to fit it on this graph.
        weights: of the network; None for the start that the settings ask for.
        choice: of a regime, made earlier; None to choose by the memory that is free now.
        scratch: folder for what a regime keeps on disk; None for that of temporary files.
        workers: who prepare the same; the first of them chooses for all.

    Raises:
        ConfigError: `channels` names a channel or column that is not there, or `training.regime`
            one that the network cannot be trained by.
        InputError: nothing is left to train on.
    """
    train = split.train
    edges = train.interaction_edges
    if not len(edges):
        raise InputError(f"the {split.protocol} split leaves no interaction to train on")
    encoded = {
        node_type: {**features.channels.get(node_type, {}), **(further or {}).get(node_type, {})}
        for node_type in train.nodes
    }
    fitted = fitted or FittedChannels.fit(train, encoded, job.channels)
    channels = fitted.apply(train, encoded)
    vectors = channels[train.item_type].get(TEXT)
    if neighbours is None:
        neighbours = text_neighbours(train, vectors, job.neighbours, job.texts)
    data = to_hetero(
        train, channels, {name: (n.rows, n.similarity) for name, n in neighbours.items()}
    )
    graph = GraphView(data, train.user_type, train.item_type, interaction_types(train))
    for edge_type in data.edge_types:
        del data[edge_type]  # the view has them
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
            fusion=shape.fusion,
            convolution=shape.convolution,
            knowledge_decoder=shape.knowledge_decoder,
        )
        if weights is not None:
            model.load_state_dict(weights)
        elif job.training.spectral_start:
            start_from_data(
                model,
                {name: data[name].x for name in data.node_types if "x" in data[name]},
                edges.src,
                edges.dst,
                num_users=len(train.users),
                width=shape.width,
                seed=int(rng(job.seed, "spectral").integers(2**31)),
            )
        x = {
            node_type: {channel: rows.to(device) for channel, rows in data[node_type].x.items()}
            for node_type in data.node_types
            if "x" in data[node_type]
        }
        model, graph = model.to(device), graph.to(device)
        simulation = simulation_of(graph, split, job.training)
        choice = choice or choose(
            job, split.protocol, model, graph, x, device, scratch, workers.here
        )
        choice = Choice(**workers.first_says(asdict(choice)))
        if choice.regime == "sampled":
            x = on_disk(graph, x, Scratch(scratch).keep)
        regime = make_regime(
            choice, model, simulation, device, job.training, x=x, graph=graph, scratch=scratch
        )
        objective = Objective(regime, choice, graph, x, split, job.training)
        objective.channels, objective.neighbours = fitted, neighbours
        objective.scratch = scratch
    return objective.to(device)


def text_neighbours(
    train: KnowledgeGraph, vectors: FloatArray | None, config: TextEdgeConfig, texts: TextConfig
) -> dict[str, Neighbours]:
    """Return the items nearest to each item in text, by relation; none without text.

    Only items with training interactions are neighbours: the others have nothing to lend.

    Args:
        train: the training part of a split.
        vectors: text channel of the items, as the network takes it.
        config: how many, and how near.
        texts: what the words of an item are.
    """
    if vectors is None or not (config.k or config.across):
        return {}
    words = node_texts(train, train.item_type, texts) if config.lexical else None
    space = TextSpace(vectors, words, config)
    warm = np.zeros(len(train.items), dtype=np.bool_)
    warm[train.interaction_edges.dst] = True
    domains = train.items.domains
    found = {}
    if config.k:
        found[NEAR] = space.within(domains, warm)
    if config.across:
        found[NEAR_ACROSS] = space.across(domains, warm)
    return found
