"""Splits on disk: Parquet with raw ids, tied to the graph that was split."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet

from kg.errors import ArtefactError, FingerprintError
from kg.files import read_manifest, write_folder
from kg.graph import BoolArray, KnowledgeGraph
from kg.pairs import pairs_among
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
            part=pa.concat_arrays([pa.repeat(name, len(rows)) for name, rows, _ in held_out]),
        )
        _write(
            aside / "candidates.parquet",
            part=pa.concat_arrays([pa.repeat(n, len(p.candidates)) for n, p in parts.items()]),
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
    users, items = graph.users.vocab, graph.items.vocab
    held_out = pyarrow.parquet.read_table(path / "held_out.parquet")
    candidates = pyarrow.parquet.read_table(path / "candidates.parquet")
    user_rows, item_rows = users.index(held_out["user"]), items.index(held_out["item"])
    candidate_rows = items.index(candidates["item"])

    edges = graph.interaction_edges
    removed = np.zeros(len(edges), dtype=np.bool_)
    removed[pairs_among(edges.src, edges.dst, user_rows, item_rows)] = True
    if removed.sum() != len(held_out):
        raise ArtefactError(f"{path} is damaged: it holds out interactions that are not there")

    def part(name: str) -> HeldOut:
        rows = _equal(held_out["part"], name)
        return HeldOut(
            users=user_rows[rows],
            items=item_rows[rows],
            candidates=candidate_rows[_equal(candidates["part"], name)],
        )

    unranked = _equal(held_out["part"], "unranked")
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


def _equal(column: pa.ChunkedArray, name: str) -> BoolArray:
    return np.asarray(pc.equal(column, name).to_numpy(), dtype=np.bool_)


def _write(path: Path, **columns: pa.Array) -> None:
    pyarrow.parquet.write_table(pa.table(columns), path)
