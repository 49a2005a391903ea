"""Splits on disk: Parquet with raw ids, tied to the graph that was split."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet

from kg.errors import ArtefactError, FingerprintError
from kg.files import read_manifest, write_folder
from kg.graph import KnowledgeGraph
from kg.vocab import IntArray, Vocab
from training.evaluation.split import HeldOut, Split, check_no_leak, without_interactions


def save_split(split: Split, path: Path) -> None:
    """Write a split folder, in one step.

    `held_out.parquet` has user, item and part (`valid`, `test`, or `unranked`);
    `candidates.parquet` has part and item; `cold_users.parquet` and `cold_items.parquet` the ids.
    """
    users, items = split.train.users.vocab, split.train.items.vocab
    parts = {"valid": split.valid, "test": split.test}
    held_out = [(name, part.users, part.items) for name, part in parts.items()]
    held_out.append(("unranked", split.unranked[0], split.unranked[1]))
    about = {
        "graph": split.graph_fingerprint,
        "protocol": split.protocol,
        "sources": list(split.sources),
        "target": split.target,
        "shots": split.shots,
        "too_few": split.too_few,
    }
    with write_folder(path, "split", **about) as aside:
        _write(
            aside / "held_out.parquet",
            user=pa.concat_arrays([_ids(users, rows) for _, rows, _ in held_out]),
            item=pa.concat_arrays([_ids(items, rows) for _, _, rows in held_out]),
            part=[name for name, rows, _ in held_out for _ in range(len(rows))],
        )
        _write(
            aside / "candidates.parquet",
            part=[name for name, part in parts.items() for _ in range(len(part.candidates))],
            item=pa.concat_arrays([_ids(items, part.candidates) for part in parts.values()]),
        )
        _write(aside / "cold_users.parquet", user=_ids(users, split.cold_users))
        _write(aside / "cold_items.parquet", item=_ids(items, split.cold_items))


def load_split(path: Path, graph: KnowledgeGraph) -> Split:
    """Read a split folder and make its training graph.

    Args:
        path: the folder.
        graph: the whole graph, as it was when the split was made.

    Raises:
        ArtefactError: missing or damaged.
        FingerprintError: the split was made of another graph.
        LeakError: a held-out interaction would reach training.
    """
    manifest = read_manifest(path, "split")
    if manifest["graph"] != graph.fingerprint:
        raise FingerprintError(
            f"{path} splits another graph (made of {manifest['graph'][:12]}, opened with "
            f"{graph.fingerprint[:12]}); make the split again"
        )
    users, items, num_items = graph.users.vocab, graph.items.vocab, len(graph.items)
    held_out = pyarrow.parquet.read_table(path / "held_out.parquet")
    candidates = pyarrow.parquet.read_table(path / "candidates.parquet")
    user_rows, item_rows = users.index(held_out["user"]), items.index(held_out["item"])
    candidate_rows = items.index(candidates["item"])
    part_of, candidate_part = _strings(held_out["part"]), _strings(candidates["part"])

    edges = graph.interaction_edges
    removed = np.isin(edges.src * num_items + edges.dst, user_rows * num_items + item_rows)
    if removed.sum() != len(held_out):
        raise ArtefactError(f"{path} is damaged: it holds out interactions that are not there")

    def part(name: str) -> HeldOut:
        rows = part_of == name
        return HeldOut(
            users=user_rows[rows],
            items=item_rows[rows],
            candidates=candidate_rows[candidate_part == name],
        )

    unranked = part_of == "unranked"
    split = Split(
        protocol=manifest["protocol"],
        sources=tuple(manifest["sources"]),
        target=manifest["target"],
        train=without_interactions(graph, removed),
        valid=part("valid"),
        test=part("test"),
        cold_users=users.index(pyarrow.parquet.read_table(path / "cold_users.parquet")["user"]),
        cold_items=items.index(pyarrow.parquet.read_table(path / "cold_items.parquet")["item"]),
        unranked=np.stack([user_rows[unranked], item_rows[unranked]]),
        graph_fingerprint=manifest["graph"],
        shots=manifest.get("shots", 0),  # splits of earlier versions have none
        too_few=manifest.get("too_few", 0),
    )
    check_no_leak(split)
    return split


def _ids(vocab: Vocab, rows: IntArray) -> pa.StringArray:
    return vocab.ids.take(pa.array(rows, pa.int64()))


def _strings(column: pa.ChunkedArray) -> Any:
    return np.asarray(column.to_pylist(), dtype=np.str_)


def _write(path: Path, **columns: Any) -> None:
    arrays = {
        name: column if isinstance(column, pa.Array) else pa.array(column, pa.string())
        for name, column in columns.items()
    }
    pyarrow.parquet.write_table(pa.table(arrays), path)
