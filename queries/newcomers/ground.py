"""A trained model as newcomers find it; what takes long to make is made once and kept."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from encoders.base import TextEncoder
from encoders.channels.attributes import IMAGE, TEXT
from encoders.channels.features import Features, load_features
from encoders.channels.fitted import FittedChannels
from gnn.messages import carrying, connecting
from gnn.names import parameter_name
from kg.errors import ArtefactError, FingerprintError, InputError
from kg.graph import BoolArray, Edges, EdgeType, FloatArray, KnowledgeGraph
from kg.settings import build
from kg.vocab import IntArray
from queries.newcomers.embedding import Network
from queries.newcomers.light import LightNetwork
from queries.newcomers.texts import Vicinity
from queries.newcomers.weights import Weights
from training.bundle import Bundle
from training.config import JobConfig
from training.evaluation.split import Split
from training.ranking.second_stage import TwoStageScorer
from training.repeats import without_repeats
from training.run_folder import RunFolder


class Ground:
    """What a model was trained with.

    Args:
        graph: the whole graph.
        bundle: the model.
        split: what was held out; None if nothing was.
        run: its folder, which has the features of the nodes; None if there is none.

    Raises:
        InputError: the model was not made by a training job.
    """

    def __init__(
        self, graph: KnowledgeGraph, bundle: Bundle, split: Split | None, run: Path | None
    ) -> None:
        if "job" not in bundle.about or not bundle.weights:
            raise InputError("newcomers need a model with weights and settings, as a job leaves it")
        self.graph, self.bundle, self.split = graph, bundle, split
        self.train = without_repeats(graph if split is None else split.train)
        self._run = None if run is None else RunFolder(run)
        self.weights = Weights(bundle)
        self._degrees: dict[tuple[EdgeType, int], FloatArray] = {}
        self.counts = {kind: len(nodes) for kind, nodes in graph.nodes.items()}

    @cached_property
    def job(self) -> JobConfig:
        """The settings that the model was made with."""
        job: JobConfig = build(JobConfig, self.bundle.about["job"])
        return job

    @cached_property
    def messages(self) -> dict[EdgeType, Edges]:
        """The edges that carried messages in training."""
        return carrying(self.train, self.train.edges, self.useful)

    @cached_property
    def useful(self) -> dict[str, BoolArray]:
        """Which nodes carry anything."""
        return {kind: connecting(self.train, kind) for kind in self.train.nodes}

    @cached_property
    def network(self) -> Network:
        """The architecture of the model's hops: without torch where it is the default one."""
        shape = self.job.model
        if shape.convolution == "light" and shape.fusion == "concat":
            return LightNetwork(self.weights, self.train, self.messages, self.degrees, self.inputs)
        from queries.newcomers.general import GeneralNetwork  # which needs torch

        return GeneralNetwork(self)

    def degrees(self, edge_type: EdgeType, end: int) -> FloatArray:
        """Return the sums of weights at the heads (0) or tails (2) of an edge type."""
        if (edge_type, end) not in self._degrees:
            size, edges = self.counts[edge_type[end]], self.messages.get(edge_type)
            found: FloatArray = np.zeros(size, dtype=np.float32)
            if edges is not None:
                rows = edges.src if end == 0 else edges.dst
                found += np.bincount(rows, edges.weight, size).astype(np.float32)
            self._degrees[edge_type, end] = found
        return self._degrees[edge_type, end]

    @cached_property
    def scorer(self) -> TwoStageScorer:
        """The second stage, which knows nobody new."""
        assert self.split is not None
        scorer = self.bundle.ranking_scorer(self.split)
        assert isinstance(scorer, TwoStageScorer)
        return scorer

    @cached_property
    def features(self) -> Features:
        """Encoded texts and images of the nodes.

        Raises:
            ArtefactError: the run has no features any more.
        """
        return load_features(self.run.features, self.graph)

    @property
    def run(self) -> RunFolder:
        """The folder of the run.

        Raises:
            ArtefactError: there is none, or its features were removed.
        """
        if self._run is None or not self._run.features.is_dir():
            where = "the model" if self._run is None else str(self._run.path)
            raise ArtefactError(
                f"{where} has no features/: newcomers need what was known of the nodes in training"
            )
        return self._run

    @property
    def fitted(self) -> FittedChannels:
        """What makes the network's input of attributes and features."""
        return self.bundle.channels or FittedChannels(attributes={})

    @cached_property
    def histories(self) -> Mapping[str, Mapping[str, FloatArray]]:
        """Encoded histories of the users, where the job asks for them."""
        if not self.job.texts.histories:
            return {}
        from training.encoding import encode_histories

        split = self.split
        if split is None:
            raise InputError("a model with histories of users needs its split")
        return encode_histories(self.job, replace(split, train=self.train), self.run)

    def inputs(self, kind: str, rows: IntArray) -> dict[str, FloatArray]:
        """Return the channels of some nodes as the network takes them, by name."""
        if not self.weights.channels(kind):
            return {}
        attributes = self.train.nodes[kind].attributes
        if attributes.num_columns:
            attributes = attributes.take(rows)
        known: dict[str, Any] = {
            **self.features.channels.get(kind, {}),
            **self.histories.get(kind, {}),
        }
        encoded = {name: vectors[rows] for name, vectors in known.items()}
        return self.fitted.apply_to(kind, attributes, encoded, len(rows))

    def channels_of(self, kind: str) -> set[str]:
        """Return the encoded channels that nodes of a type had in training."""
        if kind == self.graph.user_type:  # which only the network reads
            known = self.weights.channels(kind)
            return {name for name in (TEXT, IMAGE) if parameter_name(name) in known}
        return set(self.features.channels.get(kind, {}))

    @property
    def domains(self) -> tuple[str, ...]:
        """The domains that take part: the sources, then the target."""
        if self.split is None:
            return self.graph.domains
        return tuple(dict.fromkeys([*self.split.sources, self.split.target]))

    @cached_property
    def has_text(self) -> bool:
        """Whether texts of items are known to the network."""
        return parameter_name(TEXT) in self.weights.channels(self.graph.item_type)

    @property
    def text_width(self) -> int:
        """Length of the encoder's vectors."""
        stage = self.bundle.second_stage
        if stage is not None:
            return int(stage.text.shape[1])
        return max((vectors.shape[1] for vectors in self.features.vectors.values()), default=1)

    @cached_property
    def channel(self) -> FloatArray:
        """Text channel of the items, as the network takes it, `[num_items, dim]`."""
        stage = self.bundle.second_stage
        if stage is not None:
            return stage.channel
        rows = np.arange(self.counts[self.graph.item_type])
        return self.inputs(self.graph.item_type, rows)[TEXT]

    @cached_property
    def warm(self) -> BoolArray:
        """Items with a training interaction, bool `[num_items]`."""
        mask: BoolArray = np.zeros(self.counts[self.graph.item_type], dtype=np.bool_)
        mask[self.train.interaction_edges.dst] = True
        return mask

    @cached_property
    def vicinity(self) -> Vicinity:
        """Which items are near newcomers in text."""
        return Vicinity(self)

    @cached_property
    def encoder(self) -> TextEncoder:
        """The text encoder of the run, without its cache.

        Raises:
            FingerprintError: what the settings name is not what encoded the nodes.
        """
        from training.encoding import open_encoder

        cached, made = open_encoder(self.job, self.run), self.bundle.about.get("encoder")
        if self.job.channels.images is None and made not in (None, cached.fingerprint):
            raise FingerprintError(
                f"the text encoder {self.job.encoder.model!r} is not the one that the run was made "
                f"with ({str(made)[:12]}, now {cached.fingerprint[:12]}): put its model back"
            )
        return cached.encoder
