"""What is known of newcomers beside their edges, put through what was fitted in training."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from encoders.base import FloatArray
from encoders.channels.attributes import HISTORY, IMAGE, TEXT
from encoders.neighbours.edges import Neighbours, TextEdgeConfig
from encoders.texts.histories import history_texts
from encoders.texts.verbalize import node_texts
from gnn.messages import NEAR, NEAR_ACROSS
from kg.graph import KnowledgeGraph
from kg.vocab import IntArray

if TYPE_CHECKING:
    from encoders.neighbours.space import TextSpace
    from queries.newcomers.ground import Ground


@dataclass(frozen=True, kw_only=True, eq=False)
class Told:
    """What is known of new nodes of one type.

    Attributes:
        encoded: vectors of texts and images, L2-normalised, by channel.
        channels: everything as the network takes it, by name.
    """

    encoded: Mapping[str, FloatArray]
    channels: Mapping[str, FloatArray]


class Reader:
    """Reads newcomers as the training job read nodes.

    Args:
        ground: the model that they come to.
    """

    def __init__(self, ground: "Ground") -> None:
        self._ground = ground

    def tell(self, graph: KnowledgeGraph, kind: str, first: int) -> Told:
        """Return what is known of the nodes of a type from row `first` on.

        Args:
            graph: with them, without what was held out.
            kind: their type.
            first: how many were there.
        """
        nodes, known = graph.nodes[kind], self._ground.channels_of(kind)
        size = len(nodes) - first
        encoded: dict[str, FloatArray] = {}
        if TEXT in known:
            texts = node_texts(graph, kind, self._ground.job.texts)[first:]
            encoded[TEXT] = self.encode(texts)
        if IMAGE in known:
            encoded[IMAGE] = self._images(nodes.attributes.slice(first), size)
        rows = np.arange(first, len(nodes))
        histories = self._histories(graph, rows) if kind == graph.user_type else {}
        attributes = nodes.attributes.slice(first)
        given = {**encoded, **histories}
        return Told(
            encoded=encoded,
            channels=self._ground.fitted.apply_to(kind, attributes, given, size),
        )

    def encode(self, texts: list[str]) -> FloatArray:
        """Return one L2-normalised row for each text, zero for an empty one."""
        if not any(texts):
            return np.zeros((len(texts), self._ground.text_width), dtype=np.float32)
        return self._ground.encoder.encode(texts)

    def channel(self, texts: list[str]) -> FloatArray:
        """Return texts as the network takes those of items, `[len(texts), dim]`."""
        kind = self._ground.graph.item_type
        given = {TEXT: self.encode(texts)}
        return self._ground.fitted.apply_to(kind, pa.table({}), given, len(texts))[TEXT]

    def _histories(self, graph: KnowledgeGraph, rows: IntArray) -> dict[str, FloatArray]:
        if not self._ground.job.texts.histories:
            return {}
        texts = history_texts(graph, self._ground.job.texts, users=rows)
        return {HISTORY + domain: self.encode(some) for domain, some in texts.items()}

    def _images(self, attributes: Any, size: int) -> FloatArray:
        from encoders.channels.images import ImageEncoder, encode_images
        from encoders.load import model_folder

        config = self._ground.job.channels
        names = [None] * size
        if config.images in attributes.column_names:
            names = attributes[config.images].to_pylist()
        paths = [config.image_folder / str(name) if name else None for name in names]
        assert config.image_model is not None
        return encode_images(paths, ImageEncoder(model_folder(config.image_model)))


class Vicinity:
    """Which items that were there are near newcomers in text, as the run searches them.

    Args:
        ground: the model that they come to.
    """

    def __init__(self, ground: "Ground") -> None:
        self._ground = ground

    @cached_property
    def _space(self) -> "TextSpace":
        from encoders.neighbours.space import TextSpace  # which needs torch

        ground = self._ground
        config, train = ground.job.neighbours, ground.train
        words = None
        if config.lexical:
            words = node_texts(train, train.item_type, ground.job.texts)
        return TextSpace(ground.channel, words, config)

    def near(self, vectors: FloatArray, texts: list[str], domains: Any) -> Mapping[str, Neighbours]:
        """Return neighbours of new items by relation, among items with training interactions.

        Args:
            vectors: text channel of the new items, `[num_new, dim]`.
            texts: what their words are.
            domains: bool `[num_new, num_domains]`.
        """
        ground, config = self._ground, self._ground.job.neighbours
        old = len(ground.channel)
        space = self._space.with_more(vectors, texts)
        inside, warm = self._with_more(domains)
        found = {}
        for name, k, search in (
            (NEAR, config.k, space.within),
            (NEAR_ACROSS, config.across, space.across),
        ):
            if k:
                some = search(inside, warm, asking=old)
                found[name] = Neighbours(rows=some.rows[old:], similarity=some.similarity[old:])
        return found

    def nearest(self, vectors: FloatArray, texts: list[str], domain: str, k: int) -> Neighbours:
        """Return the `k` items of a domain that are nearest to texts, of those with interactions.

        Args:
            vectors: texts as items' text channel, `[num_texts, dim]`.
            texts: what their words are.
            domain: of the items.
            k: how many.
        """
        old, space = len(self._ground.channel), self._space.with_more(vectors, texts)
        space.config = TextEdgeConfig(k=k, lexical=space.config.lexical)
        domains = np.zeros((len(vectors), len(self._ground.graph.domains)), dtype=np.bool_)
        domains[:, self._ground.graph.domain_index(domain)] = True
        found = space.within(*self._with_more(domains), asking=old)
        return Neighbours(rows=found.rows[old:], similarity=found.similarity[old:])

    def _with_more(self, domains: Any) -> tuple[Any, Any]:
        """Return the domains of all items with new ones, and which of them have interactions."""
        ground = self._ground
        inside = np.concatenate([ground.train.items.domains, domains])
        return inside, np.concatenate([ground.warm, np.zeros(len(domains), dtype=np.bool_)])
