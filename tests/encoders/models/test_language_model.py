"""Small models with random weights, of the kinds that people have."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from encoders.models.devices import resolve_dtype
from encoders.models.quantise import check_int8
from encoders.models.sentence import SentenceEncoder
from kg.errors import ArtefactError, ConfigError, InputError

VOCABULARY = "the a whale ship sea knife pan iron and of with hunts sails query passage : red"
WORDS = VOCABULARY.split()
TEXTS = ["the whale", "a ship sails the sea and hunts the whale", "iron pan", "a red knife"]
SIZE = {"vocab_size": 24, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}


def _tokenizer(folder: Path, *, side: str, pad: bool) -> None:
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import WhitespaceSplit
    from transformers import PreTrainedTokenizerFast

    words = ["<pad>", "<unk>", "<end>", *WORDS]
    inner = Tokenizer(WordLevel({word: i for i, word in enumerate(words)}, unk_token="<unk>"))
    inner.pre_tokenizer = WhitespaceSplit()
    special = {"unk_token": "<unk>", "eos_token": "<end>"} | ({"pad_token": "<pad>"} if pad else {})
    PreTrainedTokenizerFast(
        tokenizer_object=inner, padding_side=side, truncation_side=side, **special
    ).save_pretrained(folder)


def _make(folder: Path, kind: str, *, side: str = "right", pad: bool = True) -> Path:
    from transformers import (
        BertConfig,
        BertModel,
        GPT2Config,
        GPT2LMHeadModel,
        Qwen2Config,
        Qwen2ForCausalLM,
    )

    makers: dict[str, Callable[[], torch.nn.Module]] = {
        "bert": lambda: BertModel(
            BertConfig(**SIZE, intermediate_size=24, max_position_embeddings=32)
        ),
        "gpt2": lambda: GPT2LMHeadModel(
            GPT2Config(vocab_size=24, n_embd=16, n_layer=2, n_head=2, n_positions=32)
        ),
        "qwen2": lambda: Qwen2ForCausalLM(
            Qwen2Config(
                **SIZE,
                intermediate_size=24,
                num_key_value_heads=1,
                max_position_embeddings=32,
                use_sliding_window=False,
            )
        ),
    }
    with torch.random.fork_rng():
        torch.manual_seed(1)
        makers[kind]().save_pretrained(folder)
    _tokenizer(folder, side=side, pad=pad)
    return folder


def _encoder(folder: Path, **settings) -> SentenceEncoder:
    settings = {"max_length": 16, "dtype": "float32", "device": "cpu"} | settings
    return SentenceEncoder(folder, **settings)


def _states(folder: Path, text: str) -> np.ndarray:
    """Return the vectors of the tokens of one text, without padding."""
    from transformers import AutoModel, AutoTokenizer

    tokens = AutoTokenizer.from_pretrained(folder)(text, return_tensors="pt")
    model = AutoModel.from_pretrained(folder).eval()
    with torch.inference_mode():
        return (
            model(input_ids=tokens["input_ids"], attention_mask=tokens["attention_mask"])
            .last_hidden_state[0]
            .numpy()
        )


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)


POOLED = {
    "last": lambda states: states[-1],
    "mean": lambda states: states.mean(axis=0),
    "cls": lambda states: states[0],
    "max": lambda states: states.max(axis=0),
}


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _make(tmp_path_factory.mktemp("bert"), "bert")


@pytest.mark.parametrize("kind", ["gpt2", "qwen2"])
@pytest.mark.parametrize("side", ["left", "right"])
def test_pooling_does_not_see_padding(kind: str, side: str, tmp_path: Path) -> None:
    folder = _make(tmp_path, kind, side=side, pad=side == "left")
    states = [_states(folder, text) for text in TEXTS]
    for pooling, pooled in POOLED.items():
        expected = [_unit(pooled(one)) for one in states]
        found = _encoder(folder, pooling=pooling).encode(TEXTS)
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_model_that_continues_texts_is_pooled_at_its_last_token(tmp_path: Path) -> None:
    folder = _make(tmp_path, "qwen2")
    last = [_unit(_states(folder, text)[-1]) for text in TEXTS]
    np.testing.assert_allclose(_encoder(folder).encode(TEXTS), last, atol=1e-5)


def test_the_beginning_of_a_long_text_is_read(tmp_path: Path) -> None:
    folder = _make(tmp_path, "qwen2", side="left")
    found = _encoder(folder, max_length=3).encode(["the whale hunts a ship", "the whale hunts"])
    np.testing.assert_allclose(found[0], found[1], atol=1e-6)


def test_poolings_have_fingerprints_of_their_own(bert: Path) -> None:
    settings: list[dict[str, object]] = [
        {},
        {"pooling": "mean"},
        {"pooling": "last"},
        {"prompt": "query : "},
        {"dim": 8},
        {"max_length": 15},
    ]
    prints = {_encoder(bert, **some).fingerprint for some in settings}
    assert len(prints) == len(settings)
    with pytest.raises(ConfigError, match=r"pooling = 'first'"):
        _encoder(bert, pooling="first")


def test_prompt_stands_before_every_text(bert: Path) -> None:
    found = _encoder(bert, prompt="query : ").encode(["", *TEXTS])
    plain = _encoder(bert).encode([f"query : {text}" for text in TEXTS])
    np.testing.assert_allclose(found[1:], plain, atol=1e-6)
    assert not found[0].any()


def test_truncated_vectors_are_unit_again(bert: Path) -> None:
    whole, short = _encoder(bert).encode(TEXTS), _encoder(bert, dim=5)
    assert short.dim == 5
    expected = [_unit(row[:5]) for row in whole]
    np.testing.assert_allclose(short.encode(TEXTS), expected, atol=1e-6)
    with pytest.raises(ConfigError, match=r"dim = 17: vectors of .* have 16"):
        _encoder(bert, dim=17)


def test_two_devices_give_what_one_gives(bert: Path) -> None:
    texts = [" ".join(WORDS[: 1 + i % 9]) + f" {WORDS[i % 17]}" for i in range(200)]
    one = _encoder(bert).encode(texts)
    two = _encoder(bert, device="cpu,cpu", batch_tokens=40)
    np.testing.assert_allclose(two.encode(texts), one, atol=1e-6)
    assert two.fingerprint == _encoder(bert).fingerprint


def test_full_memory_changes_no_vector(bert: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [" ".join(WORDS[: 1 + i % 9]) for i in range(9)]
    expected = _encoder(bert).encode(texts)
    encoder = _encoder(bert)
    replica = encoder._replicas[0]
    start = replica.start

    def full(batch, dim=None):
        if len(batch) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return start(batch, dim)

    monkeypatch.setattr(replica, "start", full)
    np.testing.assert_allclose(encoder.encode(texts), expected, atol=1e-6)


STRANGE = {
    "emoji": "🤖🦀👩‍👩‍👧",
    "whitespace": " \t\n\u3000\u2009",
    "right to left": "حوت אוניה",
    "control": "\x01\x02\x1b[0m\x7f",
    "nul": "a\x00whale",
    "half a surrogate pair": "\ud83e whale",
    "a megabyte": "the whale sails " * 65_536,
    "a megabyte in one word": "w" * 2**20,
    "joiners": "\u200d\u200b\ufeff",
}


def test_strange_texts_do_not_disturb_their_neighbours(bert: Path) -> None:
    encoder = _encoder(bert)
    texts = [text for strange in STRANGE.values() for text in (strange, "the whale")]
    vectors = encoder.encode(texts)
    assert np.isfinite(vectors).all()
    np.testing.assert_allclose(vectors[1::2], [encoder.encode(["the whale"])[0]] * len(STRANGE))
    by_name = dict(zip(STRANGE, vectors[::2], strict=True))
    assert not by_name["whitespace"].any()
    assert by_name["right to left"].any()
    np.testing.assert_allclose(
        by_name["a megabyte"], encoder.encode(["the whale sails " * 40])[0], atol=1e-6
    )


def test_a_vector_that_is_not_finite_names_its_text(
    bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = _encoder(bert)
    start = encoder._replicas[0].start

    def overflow(batch, dim=None):
        rows = start(batch, dim)().copy()
        rows[[len(tokens["input_ids"]) == 9 for tokens in batch], 0] = np.nan
        return lambda: rows

    monkeypatch.setattr(encoder._replicas[0], "start", overflow)
    with pytest.raises(InputError, match=r"texts\[2\], 'a ship sails .*', is not finite"):
        encoder.encode(["", *TEXTS])


def test_what_is_no_text_is_named(bert: Path) -> None:
    with pytest.raises(InputError, match=r"texts\[1\] is None"):
        _encoder(bert).encode(["a", None])  # type: ignore[list-item]


def test_eight_bits_are_near(bert: Path) -> None:
    try:
        check_int8()
    except ConfigError as error:
        pytest.skip(str(error))
    assert resolve_dtype("int8", [torch.device("cpu")]) is torch.int8
    exact, rough = _encoder(bert), _encoder(bert, dtype="int8")
    expected, found = exact.encode(TEXTS), rough.encode(TEXTS)
    assert (expected * found).sum(axis=1).min() > 0.999
    assert not np.array_equal(expected, found)  # it really is another precision
    assert exact.fingerprint != rough.fingerprint


def test_damaged_weights_are_one_line(tmp_path: Path) -> None:
    folder = _make(tmp_path / "model", "bert")
    (folder / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(ArtefactError, match=r"cannot be loaded") as error:
        _encoder(folder).encode(["a"])
    assert "\n" not in str(error.value)
