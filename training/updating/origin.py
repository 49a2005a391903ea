"""What the last training saw: kept from the first update on, so that drift can be measured."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from kg.files import read_json, read_manifest, write_folder, write_json
from kg.graph import BoolArray, KnowledgeGraph
from kg.vocab import IntArray
from training.updating.judging import Ranks

KIND, NAME = "origin", "training"
_ABOUT, _ITEMS = "about.json", "items.parquet"


@dataclass(frozen=True, kw_only=True, eq=False)
class Origin:
    """The graph and the models as training left them.

    Attributes:
        nodes: how many of each type.
        interactions: how many, held out ones among them.
        items: ids, Arrow strings.
        popularity: interactions of each of them, int64 `[num_items]`.
        valid: by protocol, where the model put the interactions of the valid part.
    """

    nodes: Mapping[str, int]
    interactions: int
    items: Any
    popularity: IntArray
    valid: Mapping[str, Ranks] = field(default_factory=dict)

    @classmethod
    def of(cls, graph: KnowledgeGraph, valid: Mapping[str, Ranks]) -> "Origin":
        """Return what there is now."""
        edges = graph.interaction_edges
        return cls(
            nodes={kind: len(nodes) for kind, nodes in graph.nodes.items()},
            interactions=len(edges),
            items=graph.items.vocab.ids,
            popularity=np.bincount(edges.dst, minlength=len(graph.items)),
            valid=valid,
        )

    def known(self, graph: KnowledgeGraph) -> BoolArray:
        """Return which items of a graph that has grown training knew, bool `[num_items]`."""
        mask: BoolArray = np.zeros(len(graph.items), dtype=np.bool_)
        mask[graph.items.vocab.index(self.items)] = True
        return mask

    def counts(self, graph: KnowledgeGraph) -> IntArray:
        """Return the interactions at training of each item of a graph that has grown."""
        found: IntArray = np.zeros(len(graph.items), dtype=np.int64)
        found[graph.items.vocab.index(self.items)] = self.popularity
        return found

    def save(self, updates: Path) -> None:
        """Write into the folder of updates."""
        with write_folder(updates / NAME, KIND) as aside:
            pq.write_table(
                pa.table({"id": self.items, "interactions": self.popularity}), aside / _ITEMS
            )
            for protocol, ranks in self.valid.items():
                table = pa.table({"user": ranks.owner, "rank": ranks.ranks})
                pq.write_table(table, aside / f"{protocol}.parquet")
            candidates = {protocol: ranks.candidates for protocol, ranks in self.valid.items()}
            write_json(
                aside / _ABOUT,
                {
                    "nodes": dict(self.nodes),
                    "interactions": self.interactions,
                    "candidates": candidates,
                },
            )

    @classmethod
    def load(cls, updates: Path) -> "Origin | None":
        """Read from the folder of updates; None before the first one.

        Raises:
            ArtefactError: damaged.
        """
        path = updates / NAME
        if not path.is_dir():
            return None
        read_manifest(path, KIND)
        about, items = read_json(path / _ABOUT), pq.read_table(path / _ITEMS)
        valid = {}
        for protocol, candidates in about["candidates"].items():
            table = pq.read_table(path / f"{protocol}.parquet")
            valid[protocol] = Ranks(
                ranks=table["rank"].to_numpy(),
                owner=table["user"].to_numpy(),
                candidates=candidates,
            )
        return cls(
            nodes=about["nodes"],
            interactions=about["interactions"],
            items=items["id"].combine_chunks(),
            popularity=items["interactions"].to_numpy(),
            valid=valid,
        )
