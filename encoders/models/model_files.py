"""What the files of a language model say, without loading it."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from kg.errors import ArtefactError, ConfigError, nearest

MODEL_FILES = ("*.json", "*.txt", "*.model", "*.safetensors")
CODE_FILES = ("*.py",)
OTHER_RUNTIMES = {"onnx", "openvino"}
OWN_MODULES = "sentence_transformers."

# Their positions begin after that of the padding token.
_POSITIONS_AFTER_PADDING = {"roberta", "xlm-roberta", "camembert", "mpnet", "xlm-roberta-xl"}


def check_folder(folder: Path, *, trust_remote_code: bool) -> None:
    """Check that `folder` holds a model that may be read.

    Raises:
        ArtefactError: it holds none, or pickled weights.
        ConfigError: it runs code of its own, and that is not allowed.
    """
    if not (folder / "config.json").is_file() or not any(folder.glob("*.safetensors")):
        raise ArtefactError(
            f"{folder} holds no model: expected config.json and *.safetensors "
            "(weights in pickle formats are not read)"
        )
    for module in _read(folder / "modules.json") or []:
        part = folder / module["path"]
        if not any(part.glob("*.safetensors")) and any(part.glob("pytorch_model*.bin")):
            raise ArtefactError(
                f"{part} has no *.safetensors (weights in pickle formats are not read)"
            )
    code = _code_of(folder, wanted=trust_remote_code)
    if code and not trust_remote_code:
        raise ConfigError(
            f"model {folder.name!r} runs code of its own ({code}): read it, "
            "then set trust_remote_code = true and a revision, or choose another model"
        )
    if "--" in code:
        raise ConfigError(
            f"model {folder.name!r} takes its code from another repository ({code}), which no "
            "revision pins: copy the code into a folder with the model, and give that folder"
        )


def decisive_files(folder: Path, *, code: bool = False) -> Iterator[Path]:
    """Yield the files that decide a vector, relative to `folder`; its code too if it runs."""
    for pattern in MODEL_FILES + CODE_FILES if code else MODEL_FILES:
        for file in folder.rglob(pattern):
            relative = file.relative_to(folder)
            hidden = any(part.startswith(".") for part in relative.parts)
            if file.is_file() and not hidden and not OTHER_RUNTIMES & set(relative.parts):
                yield relative


def length_limit(folder: Path) -> int | None:
    """Return how many tokens the model can read, None if its files do not say."""
    stated = _read(folder / "tokenizer_config.json").get("model_max_length")
    config = _read(folder / "config.json")
    positions = config.get("max_position_embeddings")
    if positions and config.get("model_type") in _POSITIONS_AFTER_PADDING:
        positions -= config.get("pad_token_id", 1) + 1
    # A tokenizer that knows no limit states 1e30.
    limits = [int(limit) for limit in (stated, positions) if limit and limit < 1_000_000]
    return min(limits, default=None)


def own_dim(folder: Path) -> int | None:
    """Return the length of a vector if the model's files say, None if it must be run to know."""
    modules = {module["type"].rsplit(".", 1)[-1] for module in _read(folder / "modules.json")}
    pooling = _read(folder / "1_Pooling" / "config.json")
    modes = sum(value is True for key, value in pooling.items() if key.startswith("pooling_mode_"))
    several = modes > 1 or isinstance(pooling.get("pooling_mode"), list)
    if modules - {"Transformer", "Pooling", "Normalize"} or several:
        return None
    size = _read(folder / "config.json").get("hidden_size")
    return None if size is None else int(size)


def prompt_text(folder: Path, prompt: str) -> str:
    """Return the text that stands before every text.

    Args:
        folder: of the model.
        prompt: a name among the prompts of the model, or the text itself; empty for the prompt
            that the model uses by default, which mostly is none.

    Raises:
        ConfigError: it looks like a name, but is none.
    """
    about = _read(folder / "config_sentence_transformers.json")
    prompts: Mapping[str, str | None] = about.get("prompts") or {}
    if not prompt:
        return prompts.get(about.get("default_prompt_name") or "") or ""
    if prompt in prompts:
        return prompts[prompt] or ""
    if prompt.isidentifier() and (hint := nearest(prompt, prompts)):
        known = ", ".join(prompts)
        raise ConfigError(f"prompt = {prompt!r} is no prompt of the model{hint} (it has: {known})")
    return prompt


def stated_truncation(folder: Path) -> int | None:
    """Return the length that sentence-transformers would truncate the model's vectors to."""
    dim = _read(folder / "config_sentence_transformers.json").get("truncate_dim")
    return None if dim is None else int(dim)


def _code_of(folder: Path, *, wanted: bool) -> str:
    """Return a class that is neither transformers' nor sentence-transformers', if one is needed.

    Many models carry the code that they had before transformers took it over; it runs only where
    code is `wanted`.
    """
    classes = [str(module["type"]) for module in _read(folder / "modules.json") or []]
    classes = [name for name in classes if not name.startswith(OWN_MODULES)]
    config = _read(folder / "config.json")
    if mapped := config.get("auto_map"):
        from transformers import CONFIG_MAPPING

        if wanted or config.get("model_type") not in CONFIG_MAPPING:
            classes += map(str, mapped.values())
    # Another repository's comes first: it is refused whatever is wanted.
    return min(classes, key=lambda name: "--" not in name, default="")


def _read(path: Path) -> Any:
    if not path.is_file():
        return {}
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ArtefactError(f"{path} is damaged: {error}") from None
