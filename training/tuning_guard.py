"""An encoder tuned on interactions is used only where none of them is held out."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from encoders.tuning.config import TuningConfig
from encoders.tuning.folder import read_about
from kg.errors import InputError, LeakError
from kg.graph import KnowledgeGraph
from training.evaluation.split import Split, without_interactions


def check_tuned(model: str | Path, split: Split) -> None:
    """Make sure that an encoder has not been tuned on interactions that `split` holds out.

    Args:
        model: name or folder of an encoder; one without `isthmus.json` has seen no interactions.
        split: what a network is about to be trained on.

    Raises:
        LeakError: it was tuned for other splits.
        ArtefactError: its `isthmus.json` is damaged.
    """
    allowed = splits_of(model)
    if allowed is not None and interactions_fingerprint(split.train) not in allowed:
        raise LeakError(
            f"{model} was not tuned for this {split.protocol} split: it may have seen what is "
            "held out; tune an encoder with this job, its seed and its protocols"
        )


def splits_of(model: str | Path) -> list[str] | None:
    """Return fingerprints of the training interactions that an encoder may be used with.

    Args:
        model: name or folder of an encoder.

    Returns:
        None where it has seen no interactions and may be used with all.

    Raises:
        ArtefactError: its `isthmus.json` is damaged.
    """
    folder = Path(model).expanduser()
    about = read_about(folder) if folder.is_dir() else None
    return None if about is None else about["splits"]


def shared_train(graph: KnowledgeGraph, splits: Sequence[Split]) -> KnowledgeGraph:
    """Return the graph with only those interactions that every split trains on.

    Raises:
        InputError: there is none.
    """
    edges, num_items = graph.interaction_edges, len(graph.items)
    keys = edges.src * num_items + edges.dst
    kept = np.ones(len(keys), dtype=np.bool_)
    for split in splits:
        train = split.train.interaction_edges
        kept &= np.isin(keys, train.src * num_items + train.dst)
    if not kept.any():
        raise InputError("no interaction is a training interaction in every split of the job")
    return without_interactions(graph, ~kept)


def interactions_fingerprint(graph: KnowledgeGraph) -> str:
    """Return a hash of which users have which items, and of nothing else in the graph.

    Texts and relations may be added to a graph; what a split holds out stays the same.
    """
    edges = graph.interaction_edges
    digest = hashlib.sha256(graph.users.vocab.fingerprint().encode())
    digest.update(graph.items.vocab.fingerprint().encode())
    digest.update(np.sort(edges.src * len(graph.items) + edges.dst).tobytes())
    return digest.hexdigest()


def allowed_splits(
    splits: Sequence[Split], tuning: TuningConfig, base: Path
) -> tuple[str, ...] | None:
    """Return the splits that a result may be used with: those of the job, or of its parents."""
    if tuning.objective == "contrastive":
        return tuple(sorted({interactions_fingerprint(split.train) for split in splits}))
    parents = [read_about(folder) for folder in (base, tuning.student) if folder is not None]
    seen = [set(about["splits"]) for about in parents if about and about["splits"] is not None]
    return tuple(sorted(set.intersection(*seen))) if seen else None
