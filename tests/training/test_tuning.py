import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from encoders.load import load_encoder
from encoders.models.sentence import SentenceEncoder
from encoders.settings import EncoderConfig
from encoders.tuning.config import PairWeights, TuningConfig
from encoders.tuning.pairs import PairSource
from kg.errors import ConfigError, LeakError
from training import tuning, tuning_loop
from training.config import TaskConfig
from training.evaluation.split import make_split
from training.tuning import finetune
from training.tuning_guard import check_tuned

TASK = TaskConfig(target="films", protocols=("user-cold", "item-cold"))
QUICK = TuningConfig(
    steps=6,
    batch_size=8,
    learning_rate=1e-3,
    valid_every=2,
    valid_share=0.3,
    patience=9,
)
COLOURS, THINGS = ("red", "blue", "green"), ("cat", "dog", "whale", "ship", "pan", "pot", "lid")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT of a few thousand weights, with a vocabulary of its own."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("base") / "tiny"
    special = ["[PAD]", "[UNK]", "[MASK]"]
    words = [*special, *COLOURS, *THINGS, "books", "films"]
    vocabulary = {word: row for row, word in enumerate(words)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    config = BertConfig(
        vocab_size=len(words),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=40,
        initializer_range=0.3,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        BertModel(config).save_pretrained(folder)
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=40,
        pad_token="[PAD]",
        unk_token="[UNK]",
        mask_token="[MASK]",
    ).save_pretrained(folder)
    return folder


@pytest.fixture
def graph(make_graph):
    items = {
        f"{domain} {colour} {thing}": domain
        for domain in ("books", "films")
        for colour in COLOURS
        for thing in THINGS
    }
    pairs = [(f"u{n}", item) for n in range(24) for item in items if COLOURS[n % 3] in item]
    # one word in six is what users go by
    noise = [" ".join(THINGS[(k * step) % 7] for step in (1, 2, 4)) for k in range(len(items))]
    texts = {item: f"{item} {words}" for item, words in zip(items, noise, strict=True)}
    return make_graph(pairs, items, texts=texts)


@pytest.fixture
def tuned(graph, base, tmp_path):
    def start(out="out", settings=QUICK, model=None, seed=0, graph=graph, **texts):
        return finetune(
            graph,
            task=TASK,
            encoder=EncoderConfig(
                model=str(model or base),
                max_length=16,
                dtype="float32",
                device="cpu",
                cache=tmp_path / "cache",
            ),
            tuning=settings,
            seed=seed,
            out=tmp_path / out,
            **texts,
        )

    return start


def open_encoder(folder):
    return load_encoder(str(folder), max_length=16, dtype="float32", device="cpu")


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"lora_rank": 2},
        {"objective": "masked"},
        {"objective": "causal"},
        {"objective": "distil", "layers": 1},
    ],
    ids=str,
)
def test_the_result_is_an_encoder_of_its_own(tuned, base, tmp_path, settings):
    if "lora_rank" in settings:
        pytest.importorskip("peft")
    out = tuned(settings=dataclasses.replace(QUICK, **settings))
    encoder = open_encoder(out)
    assert isinstance(encoder, SentenceEncoder)
    assert encoder.fingerprint != open_encoder(base).fingerprint
    names = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    wanted = {"config.json", "model.safetensors", "modules.json", "1_Pooling/config.json"}
    assert wanted | {"README.md", "isthmus.json", "metrics.jsonl", "manifest.json"} <= names
    assert not any(Path(name).suffix in {".bin", ".pt", ".pkl"} for name in names)
    assert not (tmp_path / "out.tuning").exists()
    about = json.loads((out / "isthmus.json").read_text())
    assert about["valid"]["after"] > about["valid"]["before"]
    assert about["best_step"] > 0
    for file in ("README.md", "isthmus.json"):
        assert str(tmp_path) not in (out / file).read_text()
        assert str(base.parent) not in (out / file).read_text()


def test_only_what_every_split_trains_on_is_used(tuned, graph, monkeypatch):
    """A held-out item of one protocol is a training item of another: its word is planted."""
    splits = [make_split(graph, TASK, protocol, seed=0) for protocol in TASK.protocols]
    held_out = set()
    for split in splits:
        for part in (split.valid, split.test):
            held_out |= set(zip(part.users.tolist(), part.items.tolist(), strict=True))
    made, drawn = [], []

    class Watched(PairSource):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            made.append(self)

        def draw(self, size, rng):
            batch = super().draw(size, rng)
            drawn.extend([*batch.anchors, *batch.candidates])
            return batch

    monkeypatch.setattr(tuning, "PairSource", Watched)
    cold = {int(item) for split in splits for item in split.cold_items}
    planted = graph.items.text.to_pylist()
    for row in cold:
        planted[row] = "whale"  # read of no other item
    others = [text.replace("whale", "cat") for text in planted]
    texts = {"item": ["whale" if row in cold else others[row] for row in range(len(others))]}
    kinds = PairWeights(items=1, across=1, histories=1, neighbours=1)
    settings = dataclasses.replace(QUICK, pairs=kinds, hard_negatives=3, steps=20)
    out = tuned(settings=settings, texts=texts)
    used = set(zip(*(rows.tolist() for rows in made[0].matrix.nonzero()), strict=True))
    assert used
    assert not used & held_out
    assert drawn
    assert not any("whale" in text for text in drawn)
    for split in splits:
        check_tuned(out, split)


def test_another_split_refuses_the_encoder(tuned, graph):
    out = tuned()
    for protocol in TASK.protocols:
        check_tuned(out, make_split(graph, TASK, protocol, seed=0))
    with pytest.raises(LeakError):
        check_tuned(out, make_split(graph, TASK, "user-cold", seed=1))
    with pytest.raises(LeakError):
        check_tuned(out, make_split(graph, TASK, "warm", seed=0))
    with pytest.raises(LeakError):  # nor is it tuned further, or taught from, there
        tuned("more", dataclasses.replace(QUICK, objective="masked"), model=out, seed=1)


def test_what_an_encoder_saw_is_known_of_its_students(tuned, graph):
    out = tuned()
    student = tuned("student", dataclasses.replace(QUICK, objective="distil", layers=1), model=out)
    check_tuned(student, make_split(graph, TASK, "user-cold", seed=0))
    with pytest.raises(LeakError):
        check_tuned(student, make_split(graph, TASK, "user-cold", seed=1))


@pytest.mark.parametrize("lora_rank", [0, 2])
def test_a_resumed_tuning_equals_an_uninterrupted_one(tuned, monkeypatch, lora_rank):
    if lora_rank:
        pytest.importorskip("peft")
    settings = dataclasses.replace(QUICK, lora_rank=lora_rank)
    whole = tuned("whole", settings)
    take, taken = tuning_loop._step, []

    def interrupted(*arguments):
        if len(taken) == 3:
            raise KeyboardInterrupt
        taken.append(None)
        return take(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(tuning_loop, "_step", interrupted)
        with pytest.raises(KeyboardInterrupt):
            tuned("cut", settings)
    torch.manual_seed(99)
    np.random.seed(99)  # noqa: NPY002 - someone else's draws
    counted = []
    with monkeypatch.context() as patch:
        patch.setattr(tuning_loop, "_step", lambda *a: counted.append(None) or take(*a))
        cut = tuned("cut", settings)
    assert len(counted) == 4
    for name in ("model.safetensors", "metrics.jsonl", "isthmus.json", "README.md"):
        assert (cut / name).read_bytes() == (whole / name).read_bytes()
    assert open_encoder(cut).fingerprint == open_encoder(whole).fingerprint


def test_what_is_there_is_not_done_again_nor_written_over(tuned, monkeypatch):
    out = tuned()
    with monkeypatch.context() as patch:
        patch.setattr(tuning, "tune", None)
        assert tuned() == out
    with pytest.raises(ConfigError, match="use another --out"):
        tuned(settings=dataclasses.replace(QUICK, steps=7))


@pytest.mark.parametrize("model", ["lsa", "hashing"])
def test_an_encoder_without_weights_is_refused(graph, tmp_path, model):
    with pytest.raises(ConfigError, match="has no weights here to tune"):
        finetune(
            graph,
            task=TASK,
            encoder=EncoderConfig(model=model),
            tuning=QUICK,
            seed=0,
            out=tmp_path / "out",
        )
