import logging
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from encoders.base import FloatArray, TextEncoder
from encoders.cache.cached import CachedEncoder
from encoders.cache.shards import STORAGES, Storage, pack, unpack
from encoders.models.hashing import HashingEncoder
from encoders.models.lsa import LsaEncoder
from kg.errors import ConfigError, InputError

TEXTS = [f"text number {i} of {'many ' * (i % 5)}" for i in range(23)]


class Counting(HashingEncoder):
    """Counts the texts it encodes, and stops after `allowed`."""

    def __init__(self, dim: int = 16, allowed: int = 1_000_000) -> None:
        super().__init__(dim=dim)
        self.encoded: list[str] = []
        self.allowed = allowed

    def encode(self, texts: Sequence[str]) -> FloatArray:
        if len(self.encoded) + len(texts) > self.allowed:
            raise KeyboardInterrupt
        self.encoded += texts
        return super().encode(texts)


def shards(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.parquet"))


def test_gives_what_the_encoder_gives(tmp_path: Path) -> None:
    expected = HashingEncoder(dim=16).encode(TEXTS)
    for _ in range(2):
        cached = CachedEncoder(HashingEncoder(dim=16), tmp_path, shard_texts=10)
        np.testing.assert_array_equal(cached.encode(TEXTS), expected)
    assert len(shards(tmp_path)) == 5


def test_second_run_encodes_nothing(tmp_path: Path) -> None:
    first, second = Counting(), Counting()
    vectors = CachedEncoder(first, tmp_path).encode(TEXTS)
    assert sorted(first.encoded) == sorted(text.strip() for text in TEXTS)
    np.testing.assert_array_equal(
        CachedEncoder(second, tmp_path).encode(TEXTS[::-1]), vectors[::-1]
    )
    assert second.encoded == []


def test_only_new_texts_are_encoded(tmp_path: Path) -> None:
    CachedEncoder(Counting(), tmp_path).encode(TEXTS)
    encoder = Counting()
    CachedEncoder(encoder, tmp_path).encode([*TEXTS, "new", "new", " new ", ""])
    assert encoder.encoded == ["new"]


def test_another_encoder_has_its_own_vectors(tmp_path: Path) -> None:
    CachedEncoder(Counting(dim=16), tmp_path).encode(TEXTS)
    other = Counting(dim=24)
    assert CachedEncoder(other, tmp_path).encode(TEXTS).shape == (23, 24)
    assert len(other.encoded) == 23


def test_interrupted_run_goes_on_where_it_stopped(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        CachedEncoder(Counting(allowed=12), tmp_path, shard_texts=10).encode(TEXTS)
    encoder = Counting()
    vectors = CachedEncoder(encoder, tmp_path, shard_texts=10).encode(TEXTS)
    assert len(encoder.encoded) == 23 - 10  # two whole files were kept
    assert [path for path in tmp_path.rglob(".*") if path.is_file()] == []
    np.testing.assert_array_equal(vectors, HashingEncoder(dim=16).encode(TEXTS))


def truncate(content: bytes) -> bytes:
    return content[: len(content) // 2]


def flip_a_float(content: bytes) -> bytes:
    vector = HashingEncoder(dim=16).encode(TEXTS[3:4]).tobytes()
    at = content.index(vector)
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


def empty(content: bytes) -> bytes:
    return content[:0]


@pytest.mark.parametrize("damage", [truncate, flip_a_float, empty])
def test_damaged_shard_is_encoded_again(
    tmp_path: Path, damage: object, caplog: pytest.LogCaptureFixture
) -> None:
    assert callable(damage)
    CachedEncoder(Counting(), tmp_path).encode(TEXTS)
    (shard,) = shards(tmp_path)
    shard.write_bytes(damage(shard.read_bytes()))

    encoder = Counting()
    with caplog.at_level(logging.WARNING):
        vectors = CachedEncoder(encoder, tmp_path).encode(TEXTS)
    np.testing.assert_array_equal(vectors, HashingEncoder(dim=16).encode(TEXTS))
    assert len(encoder.encoded) == 23
    assert shard.name in caplog.text

    third = Counting()
    caplog.clear()
    CachedEncoder(third, tmp_path).encode(TEXTS)
    assert third.encoded == []
    assert caplog.text == ""


def test_file_that_is_damaged_in_the_middle_is_encoded_again_as_a_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("encoders.cache.shards.GROUP_TEXTS", 8)
    CachedEncoder(Counting(), tmp_path).encode(TEXTS)
    (shard,) = shards(tmp_path)
    content = shard.read_bytes()
    last = content.index(HashingEncoder(dim=16).encode(TEXTS[5:6]).tobytes())
    shard.write_bytes(content[:last] + bytes([content[last] ^ 1]) + content[last + 1 :])
    for again in (23, 0):
        encoder = Counting()
        vectors = CachedEncoder(encoder, tmp_path).encode(TEXTS)
        np.testing.assert_array_equal(vectors, HashingEncoder(dim=16).encode(TEXTS))
        assert len(encoder.encoded) == again


def test_shard_of_another_width_is_damaged(tmp_path: Path) -> None:
    CachedEncoder(Counting(), tmp_path).encode(TEXTS)
    (shard,) = shards(tmp_path)
    shard.rename(tmp_path / "moved")
    CachedEncoder(Counting(dim=24), tmp_path).encode(TEXTS[:1])
    (other,) = shards(tmp_path)
    (tmp_path / "moved").rename(other)
    vectors = CachedEncoder(Counting(dim=24), tmp_path).encode(TEXTS)
    np.testing.assert_array_equal(vectors, HashingEncoder(dim=24).encode(TEXTS))


def test_folder_that_cannot_be_written_costs_only_time(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")
    vectors = CachedEncoder(Counting(), tmp_path / "file").encode(TEXTS)
    np.testing.assert_array_equal(vectors, HashingEncoder(dim=16).encode(TEXTS))
    assert "not cached" in caplog.text


def test_encoder_to_be_fitted(tmp_path: Path) -> None:
    cached = CachedEncoder(LsaEncoder(dim=4), tmp_path)
    assert not cached.fitted
    with pytest.raises(InputError, match="not fitted"):
        cached.encode(TEXTS)
    cached.fit(TEXTS)
    vectors = cached.encode(TEXTS)
    # The same setting fitted on other texts is another encoder.
    other = CachedEncoder(LsaEncoder(dim=4), tmp_path)
    other.fit([*TEXTS, "a whale", "a ship"])
    assert not np.array_equal(other.encode(TEXTS), vectors)


WORDS = st.sampled_from(["", " ", "a", " a", "b\n", "c d", "\x00", "\ud800", "\u00e9", "e\u0301"])


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shared")


@given(texts=st.lists(st.one_of(WORDS, st.text(max_size=3))), size=st.integers(1, 5))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_equals_the_plain_encoder_whatever_is_cached(
    shared: Path, texts: list[str], size: int
) -> None:
    plain = Unicode().encode([text.strip() for text in texts])
    cached = CachedEncoder(Unicode(), shared, shard_texts=size).encode(texts)
    np.testing.assert_array_equal(cached, plain, strict=True)


class Unicode:
    """Encodes any string, lone surrogates too: its vector is made of its code points."""

    dim = 4
    fingerprint = "0123456789abcdef" * 4

    def encode(self, texts: Sequence[str]) -> FloatArray:
        rows = np.zeros((len(texts), 4), dtype=np.float32)
        for row, text in enumerate(texts):
            for place, letter in enumerate(text):
                rows[row, place % 4] += ord(letter) + 1
        return rows


@pytest.mark.parametrize("storage", STORAGES)
def test_the_run_that_encodes_gives_what_later_runs_read(tmp_path: Path, storage: Storage) -> None:
    texts = [*TEXTS, "", TEXTS[3]]
    first = CachedEncoder(Counting(), tmp_path, storage=storage).encode(texts)
    encoder = Counting()
    later = CachedEncoder(encoder, tmp_path, storage=storage, shard_texts=4)
    np.testing.assert_array_equal(later.encode(texts), first, strict=True)
    assert encoder.encoded == []
    np.testing.assert_array_equal(
        first, unpack(pack(HashingEncoder(dim=16).encode(texts), storage))
    )
    np.testing.assert_allclose(np.linalg.norm(first[:23], axis=1), 1, atol=1e-6)


def test_storages_never_mix(tmp_path: Path) -> None:
    encoded, fingerprints = [], set()
    for storage in STORAGES:
        encoder = Counting()
        cached = CachedEncoder(encoder, tmp_path, storage=storage)
        cached.encode(TEXTS)
        encoded.append(len(encoder.encoded))
        fingerprints.add(cached.fingerprint)
    assert encoded == [23, 23, 23]
    assert len(fingerprints) == 3
    # moved by hand to where vectors of another storage lie
    int8, float32 = shards(tmp_path / f"{Counting().fingerprint[:32]}-int8") + shards(
        tmp_path / f"{Counting().fingerprint[:32]}-float32"
    )
    int8.replace(float32)
    vectors = CachedEncoder(Counting(), tmp_path).encode(TEXTS)
    np.testing.assert_array_equal(vectors, HashingEncoder(dim=16).encode(TEXTS))


def test_unknown_storage(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="float64"):
        CachedEncoder(Counting(), tmp_path, storage="float64")  # type: ignore[arg-type]


@pytest.mark.parametrize("state", ["cold", "warm"])
def test_out_is_filled(tmp_path: Path, state: str) -> None:
    texts = ["", *TEXTS, TEXTS[0]]
    if state == "warm":
        CachedEncoder(Counting(), tmp_path).encode(texts)
    out = np.lib.format.open_memmap(
        tmp_path / "rows.npy", mode="w+", dtype=np.float32, shape=(25, 16)
    )
    out[:] = 7
    assert CachedEncoder(Counting(), tmp_path).encode(texts, out=out) is out
    np.testing.assert_array_equal(np.load(tmp_path / "rows.npy"), Counting().encode(texts))


def test_out_must_fit(tmp_path: Path) -> None:
    frozen = np.zeros((23, 16), np.float32)
    frozen.flags.writeable = False
    for out in (np.zeros((22, 16), np.float32), np.zeros((23, 16)), frozen):
        with pytest.raises(InputError, match=r"\[23, 16\]"):
            CachedEncoder(Counting(), tmp_path).encode(TEXTS, out=out)  # type: ignore[arg-type]


class Broken(Counting):
    """Gives a vector that is not finite for one text."""

    def encode(self, texts: Sequence[str]) -> FloatArray:
        vectors = super().encode(texts)
        vectors[[text == "broken" for text in texts]] = np.nan
        return vectors


@pytest.mark.parametrize("storage", STORAGES)
def test_what_is_not_finite_is_returned_and_not_kept(tmp_path: Path, storage: Storage) -> None:
    texts = [*TEXTS, "broken"]
    vectors = CachedEncoder(Broken(), tmp_path, storage=storage).encode(texts)
    assert np.isnan(vectors[-1]).all()
    assert np.isfinite(vectors[:-1]).all()
    mended = Counting()
    vectors = CachedEncoder(mended, tmp_path, storage=storage).encode(texts)
    assert mended.encoded == ["broken"]
    assert np.isfinite(vectors).all()


class Announcing(Counting):
    """Says when it is asked a second time."""

    def __init__(self) -> None:
        super().__init__()
        self.goes_on = threading.Event()

    def encode(self, texts: Sequence[str]) -> FloatArray:
        if self.encoded:
            self.goes_on.set()
        return super().encode(texts)


def test_files_are_written_while_the_next_is_encoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import encoders.cache.cached

    encoder, real, in_time = Announcing(), encoders.cache.cached.write_shard, []

    def write(*arguments: object) -> None:
        in_time.append(encoder.goes_on.wait(timeout=5))
        real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(encoders.cache.cached, "write_shard", write)
    CachedEncoder(encoder, tmp_path, shard_texts=24).encode(TEXTS)
    assert in_time == [True, True]
    assert len(shards(tmp_path)) == 2


def test_small_files_are_merged_when_there_are_many(tmp_path: Path) -> None:
    texts = [f"text {number}" for number in range(66)]
    expected = HashingEncoder(dim=16).encode(texts)
    for number in range(64):
        CachedEncoder(Counting(), tmp_path).encode(texts[number : number + 1])
    assert len(shards(tmp_path)) == 64
    CachedEncoder(Counting(), tmp_path).encode(texts)
    assert len(shards(tmp_path)) == 1
    encoder: TextEncoder = Counting(allowed=0)
    np.testing.assert_array_equal(CachedEncoder(encoder, tmp_path).encode(texts), expected)


def test_a_file_that_was_merged_while_it_was_to_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import encoders.cache.cached
    from encoders.cache.merge import merge

    CachedEncoder(Counting(), tmp_path, shard_texts=6).encode(TEXTS)
    assert len(shards(tmp_path)) == 8
    real, opened = encoders.cache.cached.open_shard, []

    def open_after_merging(path: Path, **expected: object) -> object:
        opened.append(path)
        if len(opened) == 3:
            assert merge(tmp_path) == 7
        return real(path, **expected)  # type: ignore[arg-type]

    monkeypatch.setattr(encoders.cache.cached, "open_shard", open_after_merging)
    encoder = Counting()
    vectors = CachedEncoder(encoder, tmp_path).encode(TEXTS)
    assert encoder.encoded == []
    np.testing.assert_array_equal(vectors, HashingEncoder(dim=16).encode(TEXTS))
