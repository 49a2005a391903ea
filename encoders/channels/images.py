"""Images to vectors, with a CLIP-style model: texts and images of such a model share a space."""

import hashlib
import logging
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from encoders.base import FloatArray
from encoders.cache.cached import CachedEncoder
from encoders.channels.attributes import IMAGE, ChannelConfig
from encoders.channels.features import Features
from kg.errors import ArtefactError, ConfigError
from kg.files import sha256
from kg.graph import KnowledgeGraph

BATCH = 32  # images opened at once
NAMED = 3  # of the images that cannot be read, in the log
WEIGHTS = ("*.json", "*.txt", "*.safetensors")  # what decides a vector; pickles are not read

_log = logging.getLogger(__name__)


class ImageEncoder:
    """Encodes image files with a sentence-transformers model that reads images.

    The model is loaded at the first `encode`; the fingerprint needs only its files.

    Args:
        folder: the model's files, of CLIP or another model that sentence-transformers reads images
            with.
        device: as torch calls it; None for what there is.

    Raises:
        ArtefactError: `folder` holds no model.
    """

    def __init__(self, folder: Path, *, device: str | None = None) -> None:
        self.folder, self._device = folder, device
        if not any(folder.rglob("*.safetensors")):
            raise ArtefactError(
                f"{folder} holds no model: expected *.safetensors "
                "(weights in pickle formats are not read)"
            )

    @cached_property
    def dim(self) -> int:
        """Length of a vector."""
        from PIL import Image

        return int(self._forward([Image.new("RGB", (8, 8))]).shape[1])

    @cached_property
    def fingerprint(self) -> str:
        """Hash of the model's files."""
        digest = hashlib.sha256(b"image 1")
        files = {file for pattern in WEIGHTS for file in self.folder.rglob(pattern)}
        for file in sorted(files):
            name = file.relative_to(self.folder).as_posix()
            digest.update(f"\x00{name}\x00{sha256(file)}".encode())
        return digest.hexdigest()

    def encode(self, paths: Sequence[Path | None]) -> FloatArray:
        """Return one L2-normalised row per image, float32 `[len(paths), dim]`.

        The row of None, and of a file that is no image, is zero.
        """
        vectors: FloatArray = np.zeros((len(paths), self.dim), dtype=np.float32)
        for start in range(0, len(paths), BATCH):
            opened = {
                row: image
                for row, path in enumerate(paths[start : start + BATCH], start)
                if path is not None and (image := _open(path)) is not None
            }
            if opened:
                vectors[list(opened)] = self._forward(list(opened.values()))
        return vectors

    def _forward(self, images: list[Any]) -> FloatArray:
        rows: FloatArray = self._model.encode(
            images, batch_size=BATCH, normalize_embeddings=True, show_progress_bar=False
        )
        return rows.astype(np.float32)

    @cached_property
    def _model(self) -> Any:
        from sentence_transformers import SentenceTransformer
        from transformers.utils import logging as bars

        shown = bars.is_progress_bar_enabled()
        bars.disable_progress_bar()
        try:
            model = SentenceTransformer(
                str(self.folder),
                device=self._device,
                local_files_only=True,
                model_kwargs={"use_safetensors": True},
            )
        finally:
            if shown:
                bars.enable_progress_bar()
        return model.eval()


class _ByContent:
    """Encodes files by the sha256 of their bytes, which is what a cache of texts can keep."""

    def __init__(self, encoder: ImageEncoder, files: Mapping[str, Path]) -> None:
        self._encoder, self._files = encoder, files
        self.dim, self.fingerprint = encoder.dim, encoder.fingerprint

    def encode(self, texts: Sequence[str]) -> FloatArray:
        """Return one row per digest; the row of `""` is zero."""
        return self._encoder.encode([self._files.get(text) for text in texts])


def encode_images(
    paths: Sequence[Path | None], encoder: ImageEncoder, *, cache: Path | None = None
) -> FloatArray:
    """Encode image files, the same bytes once.

    Files that are missing or no images are counted and named in the log.

    Args:
        paths: one for each node, None where it has no image.
        encoder: the model.
        cache: the folder that text encoders use as well; None for no cache.

    Returns:
        L2-normalised rows `[len(paths), dim]`, zero where there is no image.
    """
    digests = [sha256(path) if path is not None and path.is_file() else "" for path in paths]
    files = {d: path for d, path in zip(digests, paths, strict=True) if d and path is not None}
    by_content = _ByContent(encoder, files)
    vectors = (by_content if cache is None else CachedEncoder(by_content, cache)).encode(digests)
    named = [path for path in paths if path is not None]
    known = np.asarray((vectors != 0).any(axis=1)).tolist()
    broken = [path for path, there in zip(paths, known, strict=True) if path and not there]
    if broken:
        first = ", ".join(path.name for path in broken[:NAMED])
        more = f" and {len(broken) - NAMED} more" if len(broken) > NAMED else ""
        _log.warning("%d of %d images cannot be read: %s%s", len(broken), len(named), first, more)
    return vectors


def add_images(
    features: Features, graph: KnowledgeGraph, config: ChannelConfig, *, cache: Path | None = None
) -> Features:
    """Return features with the channel `image` of every node type that names image files.

    Without `config.images` they are what they were.

    Raises:
        ConfigError: no node type has such a column, or there is no such model.
    """
    if config.images is None or config.image_model is None:
        return features
    from encoders.load import model_folder

    encoder = ImageEncoder(model_folder(config.image_model))
    vectors = {}
    for node_type, nodes in graph.nodes.items():
        if config.images in nodes.attributes.column_names:
            names = nodes.attributes[config.images].to_pylist()
            paths = [config.image_folder / str(name) if name else None for name in names]
            vectors[node_type] = encode_images(paths, encoder, cache=cache)
    if not vectors:
        raise ConfigError(f"channels.images = {config.images!r}: no node has such an attribute")
    return features.beside(IMAGE, vectors, encoder.fingerprint)


def _open(path: Path) -> Any:
    """Return an image in RGB, None where the file holds none."""
    from PIL import Image

    try:
        with Image.open(path) as image:
            return image.convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
