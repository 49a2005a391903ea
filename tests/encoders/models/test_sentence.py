import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from encoders.load import packaged_minilm
from encoders.models.sentence import SentenceEncoder

TEXTS = [
    "The hound of the Baskervilles",
    "Detective stories from Victorian London",
    "Cast iron skillet with two handles",
    " ".join(["a very long description of a kitchen knife"] * 30),
    *(f"number {i} " + "and so on " * (i % 9) for i in range(30)),
]


@pytest.fixture(scope="module")
def minilm() -> SentenceEncoder:
    return SentenceEncoder(packaged_minilm(), dtype="float32", device="cpu")


@pytest.fixture(scope="module")
def vectors(minilm: SentenceEncoder) -> np.ndarray:
    return minilm.encode(TEXTS)


@pytest.fixture(scope="module")
def bare_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small BERT as transformers saves it: no modules.json, random weights."""
    from transformers import AutoTokenizer, BertConfig, BertModel

    folder = tmp_path_factory.mktemp("bare")
    tokenizer = AutoTokenizer.from_pretrained(packaged_minilm(), local_files_only=True)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=24,
        max_position_embeddings=40,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        BertModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def test_equals_mean_pooling_by_hand(minilm: SentenceEncoder, vectors: np.ndarray) -> None:
    from transformers import AutoModel, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(minilm.folder, local_files_only=True)
    model = AutoModel.from_pretrained(minilm.folder, local_files_only=True).eval()
    for row in (0, 2, 3):
        tokens = tokenizer(TEXTS[row], truncation=True, max_length=64, return_tensors="pt")
        with torch.inference_mode():
            mean = model(**tokens).last_hidden_state[0].mean(dim=0)
        expected = (mean / mean.norm()).numpy()
        np.testing.assert_allclose(vectors[row], expected, atol=1e-5)


def test_equals_sentence_transformers(minilm: SentenceEncoder, vectors: np.ndarray) -> None:
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(minilm.folder), device="cpu", local_files_only=True)
    model.max_seq_length = 64
    expected = model.encode(TEXTS, normalize_embeddings=True, show_progress_bar=False)
    np.testing.assert_allclose(vectors, expected, atol=1e-5)


def test_meaning_is_near(vectors: np.ndarray) -> None:
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2] + 0.1


def test_batches_do_not_change_vectors(minilm: SentenceEncoder, vectors: np.ndarray) -> None:
    small = SentenceEncoder(minilm.folder, dtype="float32", device="cpu", batch_tokens=100)
    np.testing.assert_allclose(small.encode(TEXTS), vectors, atol=1e-5)


def test_batches_keep_to_their_tokens_and_sort_by_length(
    minilm: SentenceEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = SentenceEncoder(minilm.folder, dtype="float32", device="cpu", batch_tokens=100)
    replica, lengths = encoder._replicas[0], []
    start = replica.start

    def watched(batch, dim):
        lengths.append([len(tokens["input_ids"]) for tokens in batch])
        return start(batch, dim)

    monkeypatch.setattr(replica, "start", watched)
    encoder.encode([*TEXTS, *TEXTS, ""])
    flat = [length for batch in lengths for length in batch]
    assert len(flat) == len(set(TEXTS))  # each distinct text once
    assert flat == sorted(flat, reverse=True)
    assert all(len(batch) * max(batch) <= 100 for batch in lengths)
    assert len(lengths) < len(flat) / 2


def test_reads_max_length_tokens(minilm: SentenceEncoder) -> None:
    short = SentenceEncoder(minilm.folder, max_length=8, dtype="float32", device="cpu")
    head = "one two three four five six"  # eight tokens with [CLS] and [SEP]
    same, other = short.encode([head + " seven eight", head])
    np.testing.assert_allclose(same, other, atol=1e-6)
    longer, shorter = minilm.encode([head + " seven eight", head])
    assert longer @ shorter < 0.999


def test_bfloat16_is_near_float32(minilm: SentenceEncoder, vectors: np.ndarray) -> None:
    rough = SentenceEncoder(minilm.folder, dtype="bfloat16", device="cpu").encode(TEXTS)
    cosine = (rough * vectors).sum(axis=1)
    assert cosine.min() > 0.9995
    assert not np.array_equal(rough, vectors)  # it really is another precision


def test_fingerprint_needs_no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    def loaded(self):
        raise AssertionError("the model was loaded")

    monkeypatch.setattr(SentenceEncoder, "_replicas", property(loaded))
    encoder = SentenceEncoder(packaged_minilm())
    assert encoder.dim == 384
    assert len(encoder.fingerprint) == 64
    assert encoder.encode(["", " "]).shape == (2, 384)


def test_model_without_modules(bare_model: Path) -> None:
    encoder = SentenceEncoder(bare_model, max_length=40, dtype="float32", device="cpu")
    vectors = encoder.encode(["a whale", "", "a ship " * 50])
    assert encoder.dim == 16
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), [1, 0, 1], atol=1e-6)


def test_pooling_is_the_models_own(bare_model: Path, tmp_path: Path) -> None:
    from transformers import AutoModel, AutoTokenizer

    folder = tmp_path / "cls"
    shutil.copytree(bare_model, folder)
    (folder / "1_Pooling").mkdir()
    modules = [
        {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for i, (path, kind) in enumerate([("", "Transformer"), ("1_Pooling", "Pooling")])
    ]
    (folder / "modules.json").write_text(json.dumps(modules))
    pooling = {
        "word_embedding_dimension": 16,
        "pooling_mode_cls_token": True,
        "pooling_mode_mean_tokens": False,
    }
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling))

    encoder = SentenceEncoder(folder, max_length=40, dtype="float32", device="cpu")
    tokens = AutoTokenizer.from_pretrained(folder)("a whale and a ship", return_tensors="pt")
    with torch.inference_mode():
        first = AutoModel.from_pretrained(folder).eval()(**tokens).last_hidden_state[0, 0]
    expected = (first / first.norm()).numpy()
    np.testing.assert_allclose(encoder.encode(["a whale and a ship"])[0], expected, atol=1e-5)
    mean = SentenceEncoder(bare_model, max_length=40, dtype="float32", device="cpu")
    assert mean.fingerprint != encoder.fingerprint


def test_other_weights_have_another_fingerprint(bare_model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(bare_model, folder)
    before = SentenceEncoder(bare_model, max_length=8).fingerprint
    assert SentenceEncoder(folder, max_length=8).fingerprint == before
    (folder / "README.md").write_text("words about the model")
    assert SentenceEncoder(folder, max_length=8).fingerprint == before
    content = bytearray((folder / "model.safetensors").read_bytes())
    content[-1] ^= 1
    (folder / "model.safetensors").write_bytes(content)
    assert SentenceEncoder(folder, max_length=8).fingerprint != before


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_gpu_agrees_with_cpu(minilm: SentenceEncoder, vectors: np.ndarray) -> None:
    exact = SentenceEncoder(minilm.folder, dtype="float32", device="cuda").encode(TEXTS)
    np.testing.assert_allclose(exact, vectors, atol=1e-4)
    rough = SentenceEncoder(minilm.folder, device="cuda").encode(TEXTS)
    assert (rough * vectors).sum(axis=1).min() > 0.9995
