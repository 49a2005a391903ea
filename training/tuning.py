"""A job's graph to an encoder of its own, tuned on nothing that the job holds out."""

import dataclasses
import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from encoders.base import FloatArray
from encoders.cache.cached import CachedEncoder
from encoders.load import encoder_of
from encoders.models.sentence import SentenceEncoder
from encoders.neighbours.exact import nearest_neighbours
from encoders.settings import EncoderConfig
from encoders.texts.verbalize import node_texts
from encoders.tuning.config import TuningConfig
from encoders.tuning.contrastive import Contrastive
from encoders.tuning.distil import Distillation, keep_layers
from encoders.tuning.folder import About, read_about, save_tuned
from encoders.tuning.language_model import LanguageModelling, long_enough
from encoders.tuning.pairs import PairSource
from encoders.tuning.retrieval import hold_out_items, make_questions
from encoders.tuning.text_model import TextModel
from kg.errors import ConfigError, InputError
from kg.graph import KnowledgeGraph
from kg.vocab import IntArray
from training.config import TaskConfig
from training.evaluation.split import Split, make_split
from training.seed import rng
from training.tuning_guard import (
    allowed_splits,
    check_tuned,
    interactions_fingerprint,
    shared_train,
)
from training.tuning_loop import Tunable, tune

NEAR = 40  # text neighbours that hard negatives are drawn from
MAX_VALID_TEXTS = 512

Texts = Mapping[str, Sequence[str]]


def finetune(
    graph: KnowledgeGraph,
    *,
    task: TaskConfig,
    encoder: EncoderConfig,
    tuning: TuningConfig,
    seed: int,
    out: Path,
    texts: Texts | None = None,
) -> Path:
    """Tune a language model on a job's graph, and return its folder.

    Only interactions that are training interactions in every split of the job are used, so that
    one encoder serves them all. The same call goes on where it was interrupted.

    Args:
        graph: the whole graph.
        task: what the job holds out.
        encoder: the model to begin with (or to be taught by, objective "distil").
        tuning: how.
        seed: of the job: of its splits, and of every draw here.
        out: folder to write, with checkpoints beside it until it is there.
        texts: what the encoder reads of the nodes of each type, in row order; by default
            `encoders.texts.verbalize.node_texts`.

    Raises:
        ConfigError: the model cannot be tuned, or `out` holds another tuning.
        InputError: there is nothing to tune on.
        LeakError: the model was tuned on something that the job holds out.
    """
    texts = texts or {node_type: node_texts(graph, node_type) for node_type in graph.nodes}
    cached = encoder_of(encoder)
    base = cached.encoder
    if not isinstance(base, SentenceEncoder):
        raise ConfigError(f"encoder.model = {encoder.model!r} has no weights here to tune")
    splits = [make_split(graph, task, protocol, seed) for protocol in task.protocols]
    for folder in [base.folder, *([tuning.student] if tuning.student else [])]:
        for split in splits:
            check_tuned(folder, split)
    fingerprint = _fingerprint(splits, base, texts, tuning, seed)
    work = out.with_name(f"{out.name}.tuning")
    if out.is_dir() and any(out.iterdir()):
        found = read_about(out)
        if found is None or found.get("fingerprint") != fingerprint:
            raise ConfigError(f"{out} holds something else: use another --out, or remove it")
        shutil.rmtree(work, ignore_errors=True)  # of a run that was cut short at its very end
        return out
    shared = shared_train(graph, splits)
    metrics = work / "metrics.jsonl"
    model = _start(base, encoder, tuning)
    tunable, counts = _prepare(model, shared, texts, tuning, seed, cached)
    tuned = tune(
        tunable,
        tuning,
        seed=seed,
        checkpoints=work / "checkpoints",
        metrics=metrics,
        fingerprint=fingerprint,
    )
    about = About(
        fingerprint=fingerprint,
        base=_name(encoder.model) if model.folder == base.folder else model.folder.name,
        teacher=_name(encoder.model) if tuning.objective == "distil" else None,
        settings=_settings(tuning, encoder),
        counts=counts,
        metric=tunable.metric,
        valid=(tuned.before, tuned.after),
        best_step=tuned.best_step,
        splits=allowed_splits(splits, tuning, base.folder),
    )
    save_tuned(model, out, about, metrics)
    shutil.rmtree(work)
    return out


def _start(base: SentenceEncoder, encoder: EncoderConfig, tuning: TuningConfig) -> TextModel:
    """Return the model as it is before the first step."""
    bfloat16 = base.dtype == torch.bfloat16
    if tuning.objective == "distil" and tuning.student is not None:
        return TextModel(
            tuning.student, max_length=encoder.max_length, device=base.device, bfloat16=bfloat16
        )
    model = TextModel(
        base.folder,
        max_length=encoder.max_length,
        device=base.device,
        pooling=encoder.pooling,
        prompt=encoder.prompt,
        trust_remote_code=encoder.trust_remote_code,
        bfloat16=bfloat16,
    )
    if tuning.objective == "distil" and tuning.layers is not None:
        keep_layers(model, tuning.layers)
    return model


def _prepare(
    model: TextModel,
    graph: KnowledgeGraph,
    texts: Texts,
    tuning: TuningConfig,
    seed: int,
    base: CachedEncoder,
) -> tuple[Tunable, dict[str, int]]:
    """Return what is tuned, and how much of what there is to tune on."""
    if tuning.lora_rank:
        model.add_adapters(tuning.lora_rank, int(rng(seed, "adapters").integers(2**62)))
    if tuning.objective == "contrastive":
        return _contrastive(model, graph, texts, tuning, seed, base)
    every = list(dict.fromkeys(text for some in texts.values() for text in some if text))
    if tuning.objective != "distil":
        every = long_enough(model, every)
    if len(every) < 2:
        raise InputError("the graph has too few texts to tune on")
    size = min(MAX_VALID_TEXTS, max(1, round(tuning.valid_share * len(every))))
    aside = np.sort(rng(seed, "tuning texts").choice(len(every), size, replace=False))
    counts = {"texts": len(every) - size, "texts kept out": size}
    if tuning.objective == "distil":
        return Distillation(model, every, base.encode(every), aside, tuning), counts
    valid = [every[row] for row in aside]
    kept_out = set(valid)
    train = [text for text in every if text not in kept_out]
    head = int(rng(seed, "head").integers(2**62))
    return LanguageModelling(model, train, valid, tuning, head), counts


def _contrastive(
    model: TextModel,
    graph: KnowledgeGraph,
    texts: Texts,
    tuning: TuningConfig,
    seed: int,
    base: CachedEncoder,
) -> tuple[Tunable, dict[str, int]]:
    titles = texts[graph.item_type]
    # Whole items are kept out, not pairs: what counts is what becomes of a text that tuning never
    # met. They are of the training part, so that valid and test stay untouched.
    aside = hold_out_items(graph, titles, tuning.valid_share, rng(seed, "tuning items"))
    questions = make_questions(graph, titles, aside, rng(seed, "tuning questions"))
    near = _near(graph, titles, aside, base) if tuning.hard_negatives else None
    pairs = PairSource(
        graph,
        texts,
        tuning.pairs,
        held_out=aside,
        near=near,
        hard_negatives=tuning.hard_negatives,
    )
    counts = {
        "users": int((np.diff(pairs.matrix.indptr) > 0).sum()),
        "items": int((np.diff(pairs.matrix.tocsc().indptr) > 0).sum()),
        "interactions": int(pairs.matrix.nnz),
        "items kept out": len(aside),
    }
    return Contrastive(model, pairs, questions, tuning), counts


def _near(
    graph: KnowledgeGraph, titles: Sequence[str], aside: IntArray, base: CachedEncoder
) -> IntArray:
    """Return rows of items near in text among those with interactions, `[num_items, NEAR]`."""
    vectors: FloatArray = base.encode(titles)
    warm = np.zeros(len(titles), dtype=np.bool_)
    warm[graph.interaction_edges.dst] = True
    warm[aside] = False
    keys = np.where(warm[:, None], vectors, np.float32(0))
    return nearest_neighbours(vectors, keys, NEAR, exclude_self=True)[0]


def _fingerprint(
    splits: Sequence[Split], base: SentenceEncoder, texts: Texts, tuning: TuningConfig, seed: int
) -> str:
    student = tuning.student and SentenceEncoder(tuning.student, max_length=base.max_length)
    about = {
        "base": base.fingerprint,
        "student": student.fingerprint if student else None,
        "tuning": {k: str(value) for k, value in vars(tuning).items() if k != "student"},
        "splits": [interactions_fingerprint(split.train) for split in splits],
        "seed": seed,
    }
    digest = hashlib.sha256(json.dumps(about, sort_keys=True).encode())
    for node_type, some in sorted(texts.items()):
        digest.update("\x00".join([node_type, *some]).encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def _settings(tuning: TuningConfig, encoder: EncoderConfig) -> dict[str, Any]:
    """Return the settings as plain values; of a folder its name, for cards travel."""
    values = {**dataclasses.asdict(tuning), "max_length": encoder.max_length}
    values["student"] = None if tuning.student is None else tuning.student.name
    return values


def _name(model: str) -> str:
    return Path(model).name if Path(model).expanduser().is_dir() else model
