import json
import shutil
import sys

import numpy as np
import pytest
import torch

from encoders.load import load_encoder
from encoders.models.sentence import SentenceEncoder
from encoders.tuning.text_model import TextModel, seeded
from kg.errors import ArtefactError, ConfigError
from kg.files import sha256

TEXTS = ["red cat", "old blue whale", "song", "red cat", "big green novel and so on " * 5]
CPU = torch.device("cpu")


@pytest.mark.parametrize("kind", ["bert", "llama"])
def test_vectors_are_those_of_the_encoder(make_folder, make_model, monkeypatch, kind):
    monkeypatch.setattr("encoders.tuning.text_model.CPU_BATCH_TOKENS", 12)  # several passes
    expected = SentenceEncoder(
        make_folder(kind), max_length=16, dtype="float32", device="cpu"
    ).encode(TEXTS)
    rows = make_model(kind).encode(TEXTS).numpy()
    np.testing.assert_allclose(rows, expected, atol=1e-5)


def test_gradients_reach_every_layer(make_model):
    model = make_model()
    model.vectors(TEXTS)[:, 0].sum().backward()
    moved = {name for name, p in model.backbone.named_parameters() if p.grad is not None}
    assert {name for name, _ in model.backbone.named_parameters()} - moved == {
        "pooler.dense.weight",
        "pooler.dense.bias",
    }


def test_dropout_draws_from_the_seed_alone(make_model):
    model = make_model()
    model.sentence.train()
    torch.manual_seed(7)
    after = torch.rand(1)
    torch.manual_seed(7)
    with seeded(3, CPU):
        first = model.vectors(TEXTS)
    assert torch.equal(torch.rand(1), after)  # the global generator was left alone
    with seeded(3, CPU):
        assert torch.equal(model.vectors(TEXTS), first)
    assert not torch.equal(model.vectors(TEXTS), first)


def test_saved_folder_opens_as_an_encoder(make_folder, make_model, tmp_path):
    model = make_model()
    with torch.no_grad():
        model.parameters()[0].add_(0.1)
    expected = model.encode(TEXTS).numpy()
    model.save(tmp_path / "saved")
    names = {path.name for path in (tmp_path / "saved").rglob("*")}
    assert {"config.json", "model.safetensors", "modules.json", "1_Pooling"} <= names
    assert not any(name.endswith((".bin", ".pt", ".pkl")) for name in names)
    opened = load_encoder(str(tmp_path / "saved"), max_length=16, dtype="float32", device="cpu")
    np.testing.assert_allclose(opened.encode(TEXTS), expected, atol=1e-5)
    base = load_encoder(str(make_folder()), max_length=16, dtype="float32", device="cpu")
    assert opened.fingerprint != base.fingerprint


@pytest.mark.parametrize("kind", ["bert", "llama"])
def test_adapters_become_part_of_the_weights_and_the_base_stays(make_folder, tmp_path, kind):
    pytest.importorskip("peft")
    folder = tmp_path / "base"
    shutil.copytree(make_folder(kind), folder)
    before = sha256(folder / "model.safetensors")
    model = TextModel(folder, max_length=16, device=CPU)
    start, every = model.encode(TEXTS), len(model.parameters())
    model.add_adapters(2, seed=0)
    torch.testing.assert_close(model.encode(TEXTS), start)  # they begin at nothing
    assert sum(p.numel() for p in model.parameters()) < 7_000
    assert len(model.parameters()) != every
    optimizer = torch.optim.AdamW(model.parameters(), 0.05)
    for _ in range(3):
        optimizer.zero_grad()
        model.vectors(TEXTS)[:, 0].sum().backward()
        optimizer.step()
    adapted = model.encode(TEXTS)
    assert (adapted - start).abs().max() > 0.01
    model.save(tmp_path / "merged")
    merged = TextModel(tmp_path / "merged", max_length=16, device=CPU)
    torch.testing.assert_close(merged.encode(TEXTS), adapted, atol=1e-5, rtol=0)
    assert sha256(folder / "model.safetensors") == before


def test_one_seed_gives_one_adapter(make_model):
    pytest.importorskip("peft")
    first, again, other = make_model(), make_model(), make_model()
    first.add_adapters(2, seed=0)
    torch.rand(1)
    again.add_adapters(2, seed=0)
    other.add_adapters(2, seed=1)
    pairs = list(zip(first.parameters(), again.parameters(), other.parameters(), strict=True))
    assert all(torch.equal(a, b) for a, b, _ in pairs)
    assert not all(torch.equal(a, c) for a, _, c in pairs)


def test_adapters_without_peft_name_the_extra(make_model, monkeypatch):
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(ConfigError, match=r"pip install isthmus\[lora\]"):
        make_model().add_adapters(2, seed=0)


def test_a_folder_without_weights_is_refused(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ArtefactError, match="holds no model"):
        TextModel(tmp_path, max_length=16, device=CPU)


def test_bfloat16_rounds_products_and_no_weights(make_folder, make_model):
    rough = TextModel(make_folder(), max_length=16, device=CPU, bfloat16=True)
    rows, exact = rough.vectors(TEXTS), make_model().encode(TEXTS)
    rows[:, 0].sum().backward()
    assert rows.dtype == torch.float32
    assert {weights.dtype for weights in rough.parameters()} == {torch.float32}
    assert not torch.equal(rough.encode(TEXTS), exact)
    torch.testing.assert_close(rough.encode(TEXTS), exact, atol=0.05, rtol=0)


def test_prompt_and_pooling_are_the_encoders_and_go_with_the_model(make_folder, tmp_path):
    folder = tmp_path / "base"
    shutil.copytree(make_folder(), folder)
    about = {"prompts": {"item": "old novel "}, "default_prompt_name": "item"}
    (folder / "config_sentence_transformers.json").write_text(json.dumps(about))
    settings = {"max_length": 16, "dtype": "float32", "device": "cpu"}
    expected = load_encoder(str(folder), pooling="cls", **settings).encode(TEXTS)
    model = TextModel(folder, max_length=16, device=CPU, pooling="cls")
    np.testing.assert_allclose(model.encode(TEXTS).numpy(), expected, atol=1e-5)
    plain = TextModel(make_folder(), max_length=16, device=CPU, pooling="cls").encode(TEXTS)
    assert np.abs(plain.numpy() - expected).max() > 0.01
    model.save(tmp_path / "saved")
    saved = load_encoder(str(tmp_path / "saved"), **settings)
    np.testing.assert_allclose(saved.encode(TEXTS), expected, atol=1e-5)
