"""A job's graph to its features: texts and images of all nodes, histories of a split's users."""

from collections.abc import Mapping

from encoders.base import FloatArray
from encoders.cache.cached import CachedEncoder
from encoders.channels.attributes import HISTORY
from encoders.channels.features import encode_graph, save_features
from encoders.channels.images import add_images
from encoders.load import encoder_of
from encoders.models.lsa import LsaEncoder
from encoders.texts.histories import history_texts
from kg.graph import KnowledgeGraph
from training.config import JobConfig
from training.distributed.cluster import Cluster
from training.distributed.spread_encoder import SpreadEncoder
from training.evaluation.split import Split
from training.run_folder import RunFolder


def encode_nodes(
    job: JobConfig, graph: KnowledgeGraph, run: RunFolder, cluster: Cluster | None = None
) -> None:
    """Encode what is known of every node, and keep it in the run.

    An encoder that was fitted on the way is kept too, for texts that come later.
    """
    encoder = encoder_of(job.encoder)
    if cluster is not None and encoder.fitted:
        encoder.encoder = SpreadEncoder(encoder.encoder, job.encoder, cluster)
    features = encode_graph(graph, encoder, job.texts)
    if isinstance(encoder.encoder, LsaEncoder) and encoder.fitted:
        encoder.encoder.save(run.encoder)
    features = add_images(features, graph, job.channels, cache=job.encoder.cache)
    save_features(features, run.features)


def open_encoder(job: JobConfig, run: RunFolder) -> CachedEncoder:
    """Return the encoder that a run's features were made with."""
    encoder = encoder_of(job.encoder)
    if run.encoder.is_dir():
        encoder.encoder = LsaEncoder.load(run.encoder)
    return encoder


def encode_histories(
    job: JobConfig, split: Split, run: RunFolder
) -> dict[str, Mapping[str, FloatArray]]:
    """Encode what users did in each domain, as far as the split lets it be known.

    Returns:
        One channel for each domain, by node type; none unless `texts.histories` asks for them.
    """
    if not job.texts.histories:
        return {}
    encoder = open_encoder(job, run)
    texts = history_texts(split.train, job.texts)
    said = {domain: some for domain, some in texts.items() if any(some)}
    vectors = {HISTORY + domain: encoder.encode(some) for domain, some in said.items()}
    return {split.train.user_type: vectors}
