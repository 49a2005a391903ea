"""A trained model on a graph that has grown: the same weights, one pass over all of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch

from encoders.channels.attributes import TEXT
from encoders.channels.features import Features
from encoders.channels.fitted import Channels, FittedChannels
from encoders.neighbours.edges import Neighbours
from encoders.texts.verbalize import node_texts
from gnn.names import parameter_name
from kg.graph import BoolArray, KnowledgeGraph
from kg.progress import progress
from training.bundle import Bundle
from training.config import JobConfig
from training.evaluation.calibration import calibrate
from training.evaluation.split import Split
from training.fit import to_bundle
from training.objective import Objective
from training.prepare import choose_device, prepare
from training.ranking.signals import Signals
from training.ranking.stage import SecondStage
from training.ranking.worlds import world_of
from training.repeats import without_repeats
from training.seed import rng
from training.updating.growth import Growth
from training.updating.neighbours import Found, grow_neighbours


@dataclass(frozen=True, kw_only=True, eq=False)
class Mover:
    """Carries one model over to the larger graph, as often as it is asked to.

    Attributes:
        job: settings that it was made with.
        bundle: the model.
        split: what it was made with, of the graph before.
        growth: the two graphs.
        features: of the nodes of the larger one.
        learned: items that training knew, bool `[num_items]` of the larger graph.
        histories: makes further channels of a split's `train`.
    """

    job: JobConfig
    bundle: Bundle
    split: Split
    growth: Growth
    features: Features
    learned: BoolArray
    histories: Callable[[Split], Channels]

    def network(self, split: Split) -> Objective:
        """Return the network with its weights, over the training part of a split.

        New items have a zero residual and bias. Relations that it has not learned, whose edges led
        nowhere in training, still carry nothing.

        Args:
            split: of the larger graph.
        """
        train = without_repeats(split.train)
        weights = {name: torch.from_numpy(np.array(rows)) for name, rows in self.weights.items()}
        return prepare(
            self.job,
            replace(split, train=self._as_learned(train)),
            self.features,
            choose_device(self.job.training.device),
            further=self._known(self.histories(split)),
            neighbours=self._neighbours(train),
            fitted=self._channels,
            weights=weights,
        )

    def model(self, objective: Objective, split: Split, about: Mapping[str, Any]) -> Bundle:
        """Return what queries need; probabilities are those of the model as it was.

        Signals of the second stage are made anew, and weighed as was learned.

        Args:
            objective: from `network`.
            split: the same.
            about: JSON that is to be known of the model.
        """
        split = replace(split, train=without_repeats(split.train))
        embeddings, stage = objective.embed(), self.bundle.second_stage
        bundle = to_bundle(embeddings, objective.model, {**self.bundle.about, **about})
        bundle = replace(bundle, channels=self.bundle.channels, calibration=self.bundle.calibration)
        if stage is None:
            return bundle
        world = world_of(split, self.features, objective, embeddings)
        with progress("making signals", None):
            kept = Signals(world, stage.seed).kept
        grown = SecondStage(
            ranker=stage.ranker,
            seed=stage.seed,
            text=world.text,
            channel=world.channel,
            near=world.near,
            similarity=world.similarity,
            kept=kept,
        )
        return replace(bundle, second_stage=grown)

    def with_probabilities(self, bundle: Bundle, split: Split) -> Bundle:
        """Return the model with probabilities of the scores that it gives now, if it had any."""
        if bundle.calibration is None:
            return bundle
        scorer, draws = bundle.ranking_scorer(split), rng(self.job.seed, "calibration")
        return replace(bundle, calibration=calibrate(scorer, split, self.job.evaluation, draws))

    @property
    def weights(self) -> dict[str, Any]:
        """Parameters by name, those of items in the rows of the larger graph."""
        item, found = self.growth.after.item_type, dict(self.bundle.weights)
        for name in (f"inputs.{parameter_name(item)}.residual", "item_bias"):
            old = found[name]
            found[name] = np.zeros((len(self.growth.after.items), *old.shape[1:]), old.dtype)
            found[name][self.growth.rows[item]] = old
        return found

    @property
    def _channels(self) -> FittedChannels:
        return self.bundle.channels or FittedChannels(attributes={})

    def _known(self, channels: Channels) -> Channels:
        """Return the channels that the network has weights for."""
        return {
            kind: {
                name: rows
                for name, rows in by_name.items()
                if f"inputs.{parameter_name(kind)}.project.{parameter_name(name)}.weight"
                in self.bundle.weights
            }
            for kind, by_name in channels.items()
        }

    def _as_learned(self, train: KnowledgeGraph) -> KnowledgeGraph:
        """Return the graph without edges of relations that the network has no weights for."""
        learned = {tuple(names) for names in self.bundle.about["relations"]}
        nothing = np.zeros(0, dtype=np.int64)
        return train.with_edges(
            {
                edge_type: edges.take(nothing)
                for edge_type, edges in train.edges.items()
                if edge_type not in learned and edge_type != train.interactions
            }
        )

    def _neighbours(self, train: KnowledgeGraph) -> Mapping[str, Neighbours]:
        item = train.item_type
        encoded = self.features.channels.get(item, {})
        channels = self._channels.apply_to(item, train.items.attributes, encoded, len(train.items))
        return grow_neighbours(
            train,
            channels.get(TEXT),
            self.job.neighbours,
            self.job.texts,
            learned=self.learned,
            found=self._found,
        )

    @cached_property
    def _found(self) -> Found | None:
        """The lists of neighbours that still hold; None where an item says otherwise."""
        stage, growth = self.bundle.second_stage, self.growth
        if stage is None or stage.near.shape[1] != self.job.neighbours.k:
            return None
        item, rows = growth.after.item_type, growth.rows[growth.after.item_type]
        before, after = (
            np.array(node_texts(graph, item, self.job.texts), dtype=object)
            for graph in (growth.before, growth.after)
        )
        domains = growth.before.items.domains, growth.after.items.domains[rows]
        if (before != after[rows]).any() or (domains[0] != domains[1]).any():
            return None
        near = Neighbours(rows=stage.near, similarity=stage.similarity)
        warm = np.unique(self.split.train.interaction_edges.dst)
        return Found.of(near, warm, rows, len(growth.after.items))
