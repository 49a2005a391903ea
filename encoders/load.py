"""An encoder by name."""

from pathlib import Path

from encoders.base import TextEncoder
from kg.errors import ConfigError


def load_encoder(
    model: str,
    *,
    max_length: int = 64,
    dim: int = 128,
    dtype: str = "auto",
    device: str = "auto",
) -> TextEncoder:
    """Return the text encoder of this name.

    Args:
        model: "minilm" (all-MiniLM-L6-v2 from the installed package, no network), "lsa" (TF-IDF and
            SVD; comes unfitted, `encode_graph` fits it), "hashing" (for tests), or a Hugging Face
            name or path.
        max_length: tokens read of a text, by language models.
        dim: length of a vector, of "lsa" and "hashing"; a language model has its own.
        dtype: "auto", "float32" or "bfloat16", of language models; "auto" is bfloat16 where the
            hardware is faster at it (GPUs from Ampere on, CPUs with AMX).
        device: "auto", "cpu", "cuda" or "cuda:N", of language models.

    Raises:
        ConfigError: a setting is wrong, or there is no such model.
        ArtefactError: the packaged weights are missing or are not the published ones.
    """
    if max_length < 1 or dim < 1:
        raise ConfigError(
            f"max_length and dim must be positive, got max_length={max_length}, dim={dim}"
        )
    # Imported where they are used: torch alone takes seconds to import.
    if model == "lsa":
        from encoders.lsa import LsaEncoder

        return LsaEncoder(dim=dim)
    if model == "hashing":
        from encoders.hashing import HashingEncoder

        return HashingEncoder(dim=dim)

    from encoders.sentence import SentenceEncoder, model_folder, packaged_minilm

    folder: Path = packaged_minilm() if model == "minilm" else model_folder(model)
    return SentenceEncoder(folder, max_length=max_length, dtype=dtype, device=device)
