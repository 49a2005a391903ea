"""A causal language model of transformers on this machine."""

import hashlib
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from encoders.load import model_folder
from encoders.models.devices import resolve_device
from encoders.models.model_files import check_folder, decisive_files
from kg.errors import ArtefactError, ConfigError
from kg.files import sha256
from queries.llm.base import Completion, Cost, Message


class LocalModel:
    """A causal language model; deterministic, since it always takes the likeliest token.

    Args:
        model: a folder, or a name of the Hugging Face hub.
        revision: commit, branch or tag on the hub.
        device: such as `"cpu"` or `"cuda"`; `"auto"` is CUDA where there is any.

    Raises:
        ConfigError: no such model or device, or a model that needs code of its own.
        ArtefactError: its files are no safetensors, or damaged.
    """

    def __init__(self, model: str, *, revision: str | None = None, device: str = "auto") -> None:
        self.folder = folder_of(model, revision)
        self.name = Path(model).name
        self.device = resolve_device(device)

    @cached_property
    def fingerprint(self) -> str:
        """Hash of the model's files."""
        digest = hashlib.sha256(b"causal 1")
        for file in sorted(decisive_files(self.folder), key=lambda file: file.as_posix()):
            digest.update(f"\0{file.as_posix()}\0{sha256(self.folder / file)}".encode())
        return digest.hexdigest()

    @cached_property
    def tokenizer(self) -> Any:
        """The tokenizer of the model."""
        from transformers import AutoTokenizer

        with loading(self.folder):
            tokenizer = AutoTokenizer.from_pretrained(self.folder, local_files_only=True)
        if tokenizer.pad_token is None:  # masked, so any will do
            tokenizer.pad_token = tokenizer.eos_token or tokenizer.convert_ids_to_tokens(0)
        return tokenizer

    @cached_property
    def network(self) -> Any:
        """The network, on its device; loaded when it is first needed."""
        from transformers import AutoModelForCausalLM

        with loading(self.folder):
            network = AutoModelForCausalLM.from_pretrained(
                self.folder,
                local_files_only=True,
                use_safetensors=True,
                # bfloat16 is slower than float32 on most CPUs.
                dtype=torch.float32 if self.device.type == "cpu" else torch.bfloat16,
            )
        return network.to(self.device).eval()

    def prompt(self, messages: Sequence[Message]) -> str:
        """Return a chat as the model reads it: by its own template where it has one.

        Nothing in a message is read as one of the model's special tokens: these are taken out.
        """
        special = [token for token in self.tokenizer.all_special_tokens if token.strip()]
        chat = []
        for message in messages:
            content = message.content
            for token in special:
                content = content.replace(token, " ")
            chat.append({"role": message.role, "content": content})
        if self.tokenizer.chat_template:
            text: str = self.tokenizer.apply_chat_template(
                chat, add_generation_prompt=True, tokenize=False
            )
            return text
        return "\n\n".join(turn["content"] for turn in chat) + "\n\n"

    def complete(self, messages: Sequence[Message], *, max_tokens: int) -> Completion:
        """Return the likeliest answer, of at most so many tokens.

        A prompt that is too long for the model loses its middle.
        """
        began = time.perf_counter()
        tokens = self.tokenizer(self.prompt(messages), add_special_tokens=not self._has_template)
        ids, max_tokens = self._fitting(tokens["input_ids"], max_tokens)
        inputs = torch.tensor([ids], device=self.device)
        with torch.inference_mode():
            output = self.network.generate(
                inputs,
                attention_mask=torch.ones_like(inputs),
                max_new_tokens=max_tokens,
                do_sample=False,
                temperature=None,
                top_p=None,
                top_k=None,
                pad_token_id=self.tokenizer.pad_token_id,
            )
        written = output[0, len(ids) :]
        cost = Cost(
            requests=1,
            prompt_tokens=len(ids),
            completion_tokens=len(written),
            seconds=time.perf_counter() - began,
        )
        return Completion(
            text=self.tokenizer.decode(written, skip_special_tokens=True).strip(), cost=cost
        )

    @property
    def _has_template(self) -> bool:
        """Whether a template puts the special tokens there already."""
        return bool(self.tokenizer.chat_template)

    def _fitting(self, ids: list[int], max_tokens: int) -> tuple[list[int], int]:
        """Return the tokens, less the middle where they do not fit, and room for the answer."""
        room = getattr(self.network.config, "max_position_embeddings", None)
        if room is None or len(ids) + max_tokens <= room:
            return ids, max_tokens
        max_tokens = min(max_tokens, room // 2)
        keep = room - max_tokens
        if len(ids) <= keep:
            return ids, max_tokens
        return ids[: keep // 2] + ids[-(keep - keep // 2) :], max_tokens


def folder_of(model: str, revision: str | None = None) -> Path:
    """Return the folder of a model that needs no code of its own, fetched where it is not here.

    Raises:
        ConfigError: no such model, or one that needs code of its own.
        ArtefactError: its files are no safetensors.
    """
    try:
        folder = model_folder(model, revision)
    except ConfigError as error:
        reason = str(error).partition("(")[2].removesuffix(")")
        raise ConfigError(
            f"model {model!r}: expected a folder, or the name of a Hugging Face model"
            + (f" ({reason})" if reason else "")
        ) from None
    check_folder(folder, trust_remote_code=False)
    return folder


@contextmanager
def loading(folder: Path) -> Iterator[None]:
    """Let transformers load a model without progress bars.

    Raises:
        ArtefactError: it could not.
    """
    from transformers.utils import logging

    bars = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    except Exception as error:  # whatever the libraries below make of a damaged file
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ArtefactError(f"the model in {folder} cannot be loaded: {reason}") from error
    finally:
        if bars:
            logging.enable_progress_bar()
