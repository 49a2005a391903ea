"""A model of triples on disk, read without torch."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from safetensors.numpy import load_file, save_file

from kg.files import read_json, read_manifest, write_folder, write_json
from training.triples.facts import Triples
from training.triples.ranks import IntArray

KIND = "triple model"
_WEIGHTS, _ABOUT = "vectors.safetensors", "model.json"
_ENTITIES, _TRIPLES = "entities.parquet", "triples.parquet"
_DECODER = "decoder."
_COLUMNS = ("head", "relation", "tail")


@dataclass(frozen=True, kw_only=True, eq=False)
class SavedTriples:
    """What answers questions about missing triples.

    Attributes:
        entities: ids, sorted; Arrow strings.
        relations: names; their reciprocals follow them in the decoder.
        rows: all triples that are known, those held out too, int64 `[num_triples, 3]`.
        vectors: of entities, float32 `[num_entities, width]`.
        decoder: name of the decoder.
        weights: its parameters.
    """

    entities: Any
    relations: tuple[str, ...]
    rows: IntArray
    vectors: npt.NDArray[np.float32]
    decoder: str
    weights: Mapping[str, npt.NDArray[Any]]


def save_triple_model(
    path: Path,
    triples: Triples,
    vectors: npt.NDArray[np.float32],
    decoder: str,
    weights: Mapping[str, npt.NDArray[Any]],
    about: Mapping[str, Any],
) -> None:
    """Write a model folder, in one step; `about` is JSON that is kept with it."""
    with write_folder(path, KIND) as aside:
        arrays = {_DECODER + name: np.ascontiguousarray(w) for name, w in weights.items()}
        save_file({"entities": np.ascontiguousarray(vectors), **arrays}, aside / _WEIGHTS)
        ids = pa.array(triples.entities, pa.string())
        pq.write_table(pa.table({"id": ids}), aside / _ENTITIES)
        columns = dict(zip(_COLUMNS, triples.rows.T, strict=True))
        pq.write_table(pa.table(columns), aside / _TRIPLES)
        relations = list(triples.relations)
        write_json(aside / _ABOUT, {"decoder": decoder, "relations": relations, **about})


def load_triple_model(path: Path) -> SavedTriples:
    """Read a model folder.

    Raises:
        ArtefactError: missing or damaged.
    """
    read_manifest(path, KIND)
    about, arrays = read_json(path / _ABOUT), load_file(path / _WEIGHTS)
    table = pq.read_table(path / _TRIPLES)
    return SavedTriples(
        entities=pq.read_table(path / _ENTITIES)["id"].combine_chunks(),
        relations=tuple(about["relations"]),
        rows=np.stack([table[name].to_numpy() for name in _COLUMNS], axis=1),
        vectors=arrays["entities"],
        decoder=about["decoder"],
        weights=below(arrays, _DECODER),
    )


def below(weights: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """Return the parameters whose names begin with a prefix, without it."""
    return {
        name.removeprefix(prefix): rows for name, rows in weights.items() if name.startswith(prefix)
    }
