"""Texts to phrases by a language model: named entities, or labels that it is asked about."""

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from encoders.knowledge.answers import Phrases, ask_once
from encoders.knowledge.phrases import join, words
from kg.errors import ConfigError
from kg.files import sha256

BATCH = 32  # texts that the model reads at a time
KEPT_AT_ONCE = 1_024  # answers written at a time: what an interruption can lose
MAX_WORDS = 5  # of an entity
SURE = 0.5  # probability from which a label is said of a text

_WORD_BEFORE = re.compile(r"\w*\Z")
_WORD_AFTER = re.compile(r"\w*")


def model_phrases(
    texts: Sequence[str],
    model: str,
    *,
    labels: Sequence[str] = (),
    device: str = "auto",
    cache: Path | None,
) -> list[Phrases]:
    """Return the phrases that a model finds in each text, with its confidence as their weight.

    Without labels, `model` is a token-classification model, and the phrases are the entities that
    it names, whole words each. With labels it is a model of natural language inference, and the
    phrases are the labels that it holds to be true, each for itself, at a probability of 0.5 or
    more. Texts longer than the model can read are cut off.

    Args:
        texts: of the items.
        model: a folder, or the name of a Hugging Face model.
        labels: what a text may be said to be about.
        device: "auto", "cpu", "cuda" or "cuda:N".
        cache: where answers are kept; None for nowhere.

    Raises:
        ConfigError: there is no such model, it is of another task, or there is no such device.
        ArtefactError: the folder holds no model, or pickled weights.
    """
    from encoders.load import model_folder
    from encoders.models.devices import resolve_devices
    from encoders.models.model_files import check_folder, decisive_files

    folder = model_folder(model)
    check_folder(folder, trust_remote_code=False)
    place = resolve_devices(device)[0]
    digest = hashlib.sha256(f"entities 1\x00{'|'.join(labels)}".encode())
    for file in sorted(decisive_files(folder), key=lambda file: file.as_posix()):
        digest.update(f"\x00{file.as_posix()}\x00{sha256(folder / file)}".encode())
    reader: list[Any] = []  # loaded only if there is a text that was not read before

    def ask(some: list[str]) -> list[Phrases | None]:
        if not reader:
            reader.append(_load(folder, place, labels))
        if labels:
            told = reader[0](
                some, candidate_labels=list(labels), multi_label=True, batch_size=BATCH
            )
            return [_labels(about) for about in told]
        named = reader[0](some, batch_size=BATCH)
        return [_entities(text, spans) for text, spans in zip(some, named, strict=True)]

    answers = ask_once(
        texts, ask, folder=cache, fingerprint=digest.hexdigest(), at_once=KEPT_AT_ONCE
    )
    return [answer or {} for answer in answers]


def _load(folder: Path, device: Any, labels: Sequence[str]) -> Any:
    from transformers import (
        AutoConfig,
        AutoModelForSequenceClassification,
        AutoModelForTokenClassification,
        AutoTokenizer,
        pipeline,
    )

    from encoders.models.model_files import length_limit

    kind = "ForSequenceClassification" if labels else "ForTokenClassification"
    stated = AutoConfig.from_pretrained(folder).architectures or []
    if not any(name.endswith(kind) for name in stated):
        task = "zero-shot classification" if labels else "token classification"
        raise ConfigError(f"{folder.name} is no model for {task}: it is {', '.join(stated)}")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.model_max_length = length_limit(folder) or tokenizer.model_max_length
    auto = AutoModelForSequenceClassification if labels else AutoModelForTokenClassification
    settings: dict[str, Any] = {"tokenizer": tokenizer, "device": device}
    model = auto.from_pretrained(folder, use_safetensors=True).eval()
    if labels:
        return pipeline("zero-shot-classification", model=model, **settings)
    return pipeline("token-classification", model=model, aggregation_strategy="simple", **settings)


def _labels(about: dict[str, Any]) -> Phrases:
    pairs = zip(about["labels"], about["scores"], strict=True)
    return {join(words(label)): float(score) for label, score in pairs if score >= SURE}


def _entities(text: str, spans: Sequence[dict[str, Any]]) -> Phrases:
    found: Phrases = {}
    for span in spans:
        start, end = span.get("start"), span.get("end")
        if start is None or end is None:  # of a tokenizer that does not say where
            entity = str(span["word"])
        else:
            # Parts of a word may be tagged alike or not; an entity has its words whole.
            before = _WORD_BEFORE.search(text, 0, start)
            after = _WORD_AFTER.match(text, end)
            inside = text[start:end]
            head = before[0] if before and inside[:1].isalnum() else ""
            tail = after[0] if after and inside[-1:].isalnum() else ""
            entity = head + inside + tail
        some = words(entity)
        if 0 < len(some) <= MAX_WORDS and any(not word.isnumeric() for word in some):
            name = join(some)
            found[name] = max(found.get(name, 0.0), float(span["score"]))
    return found
