"""Features of a graph that has grown: only what is new or says something else is encoded."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from encoders.base import FloatArray
from encoders.channels.attributes import IMAGE, TEXT
from encoders.channels.features import Features
from encoders.texts.verbalize import node_texts
from kg.errors import FingerprintError
from kg.graph import BoolArray, KnowledgeGraph
from training.config import JobConfig
from training.encoding import open_encoder
from training.run_folder import RunFolder
from training.updating.growth import Growth


def grow_features(job: JobConfig, run: RunFolder, known: Features, growth: Growth) -> Features:
    """Return features of the larger graph, of the channels that there were.

    Texts go through the run's own encoder and its cache; what a node says anew, be it because it
    is joined to other nodes, is encoded again.

    Args:
        job: settings of the run.
        run: its folder, which has the encoder where that was fitted.
        known: features of the graph before.
        growth: the two graphs.

    Raises:
        FingerprintError: the settings name another encoder than the one that made `known`.
        ConfigError: there is no such encoder.
    """
    channels = {
        kind: {name: _grown(job, run, known, growth, kind, name) for name in by_name}
        for kind, by_name in known.channels.items()
    }
    return Features(
        channels=channels, fingerprint=known.fingerprint, graph=growth.after.fingerprint
    )


def _grown(
    job: JobConfig, run: RunFolder, known: Features, growth: Growth, kind: str, name: str
) -> FloatArray:
    said = [_said(job, graph, kind, name) for graph in (growth.before, growth.after)]
    old, rows = known.channels[kind][name], growth.rows[kind]
    found: FloatArray = np.zeros((len(said[1]), old.shape[1]), dtype=np.float32)
    found[rows] = old
    otherwise: BoolArray = growth.is_new(kind)
    otherwise[rows] = said[0] != said[1][rows]
    stale = np.flatnonzero(otherwise)
    if len(stale):
        found[stale] = _encoded(job, run, known, name, said[1][stale].tolist())
    return found


def _said(job: JobConfig, graph: KnowledgeGraph, kind: str, name: str) -> npt.NDArray[np.object_]:
    """Return what a channel reads of each node: its text, or the name of its image."""
    if name == TEXT:
        return np.array(node_texts(graph, kind, job.texts), dtype=object)
    attributes = graph.nodes[kind].attributes
    if job.channels.images not in attributes.column_names:
        return np.full(len(graph.nodes[kind]), "", dtype=object)
    names = attributes[job.channels.images].to_pylist()
    return np.array([str(one) if one else "" for one in names], dtype=object)


def _encoded(
    job: JobConfig, run: RunFolder, known: Features, name: str, said: Sequence[str]
) -> FloatArray:
    if name == IMAGE:
        from encoders.channels.images import ImageEncoder, encode_images
        from encoders.load import model_folder

        config = job.channels
        paths = [config.image_folder / one if one else None for one in said]
        assert config.image_model is not None
        encoder = ImageEncoder(model_folder(config.image_model))
        return encode_images(paths, encoder, cache=job.encoder.cache)
    texts = open_encoder(job, run)
    if job.channels.images is None and known.fingerprint != texts.fingerprint:
        raise FingerprintError(
            f"the text encoder {job.encoder.model!r} is not the one that the run was made with "
            f"({known.fingerprint[:12]}, now {texts.fingerprint[:12]}): put its model back"
        )
    return texts.encode(said)
