"""Texts encoded by many processes: the same vectors, block by block."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from encoders.base import FloatArray, TextEncoder
from encoders.load import uncached_encoder_of
from encoders.settings import EncoderConfig
from training.distributed.cluster import Cluster


class SpreadEncoder:
    """A text encoder whose blocks are encoded on a cluster.

    Args:
        encoder: the same encoder in this process.
        config: what others make it of.
        cluster: which `joined` is in force of.
    """

    def __init__(self, encoder: TextEncoder, config: EncoderConfig, cluster: Cluster) -> None:
        self._encoder, self._config, self._cluster = encoder, config, cluster

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return self._encoder.dim

    @property
    def fingerprint(self) -> str:
        """That of the encoder: where it runs changes nothing."""
        return self._encoder.fingerprint

    def encode(self, texts: Sequence[str]) -> FloatArray:
        """Return one row per text, made here."""
        return self._encoder.encode(texts)

    def encode_blocks(self, blocks: Iterable[list[str]]) -> Iterator[FloatArray]:
        """Yield the rows of each block, in order, made on the cluster."""
        for made in self._cluster.spread(EncodeBlock, (self._config,), blocks):
            yield np.frombuffer(made, dtype=np.float32).reshape(-1, self.dim)


class EncodeBlock:
    """One process that encodes."""

    def __init__(self, config: EncoderConfig) -> None:
        self._encoder = uncached_encoder_of(config)

    def __call__(self, block: list[str]) -> bytes:
        """Return the rows of a block, float32 one after the other."""
        return self._encoder.encode(block).tobytes()
