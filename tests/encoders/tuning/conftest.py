"""Language models of a few thousand weights, with a vocabulary of their own."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from encoders.tuning.text_model import TextModel

WORDS = [
    *("red", "blue", "green", "gold", "old", "new", "big", "small", "cat", "dog", "whale"),
    *("ship", "pan", "pot", "lid", "novel", "film", "song"),
]


@pytest.fixture(scope="session")
def make_folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Return the factory `(kind="bert", layers=2, hidden=32, seed=0)` of model folders."""
    made: dict[tuple, Path] = {}

    def factory(kind: str = "bert", layers: int = 2, hidden: int = 32, seed: int = 0) -> Path:
        key = (kind, layers, hidden, seed)
        if key not in made:
            made[key] = tmp_path_factory.mktemp(kind) / "tiny"
            _save(made[key], *key)
        return made[key]

    return factory


@pytest.fixture
def make_model(make_folder) -> Callable[..., TextModel]:
    def factory(*args, **kwargs) -> TextModel:
        folder = make_folder(*args, **kwargs)
        return TextModel(folder, max_length=16, device=torch.device("cpu"))

    return factory


def _save(folder: Path, kind: str, layers: int, hidden: int, seed: int) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import BertConfig, BertModel, LlamaConfig, LlamaModel, PreTrainedTokenizerFast

    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    vocabulary = {word: row for row, word in enumerate(special + WORDS)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    names = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    if kind == "bert":
        names["mask_token"] = "[MASK]"
    shape = {
        "vocab_size": len(vocabulary),
        "hidden_size": hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": 2,
        "intermediate_size": 2 * hidden,
        "max_position_embeddings": 40,
        "pad_token_id": 0,
        "initializer_range": 0.1,  # at the usual 0.02 all texts are alike
    }
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = (
            BertModel(BertConfig(**shape)) if kind == "bert" else LlamaModel(LlamaConfig(**shape))
        )
        model.save_pretrained(folder)
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, model_max_length=40, padding_side="right", **names
    ).save_pretrained(folder)
