from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from encoders.knowledge import entities
from encoders.knowledge.enrich import EnrichConfig, enrich
from encoders.knowledge.entities import model_phrases
from encoders.knowledge.phrases import stands_in, words
from kg.errors import ArtefactError, ConfigError
from kg.graph import KnowledgeGraph

TEXTS = ["Tin mug from Bergen", "", "Green tea of Uji", "mug " * 60, "Tin mug from Bergen"]


def save_model(folder: Path, kind: str, seed: int = 0, spread: float = 1.0) -> Path:
    import torch
    from transformers import (
        BertConfig,
        BertForSequenceClassification,
        BertForTokenClassification,
        BertTokenizerFast,
    )

    folder.mkdir()
    letters = "abcdefghijklmnopqrstuvwxyz"
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *(f"##{c}" for c in letters)]
    vocabulary = folder / "vocab.txt"
    vocabulary.write_text("\n".join([*pieces, "tin", "mug", "tea", "green", "."]))
    BertTokenizerFast(vocab_file=str(vocabulary), vocab=str(vocabulary)).save_pretrained(folder)
    names = (
        ["O", "B-KIND", "I-KIND"] if kind == "token" else ["contradiction", "neutral", "entailment"]
    )
    config = BertConfig(
        vocab_size=len(pieces) + 5,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=48,
        id2label=dict(enumerate(names)),
        label2id={name: i for i, name in enumerate(names)},
        initializer_range=spread,
    )
    model = BertForTokenClassification if kind == "token" else BertForSequenceClassification
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def tagger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(tmp_path_factory.mktemp("models") / "tagger", "token")


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(tmp_path_factory.mktemp("models") / "judge", "judge")


def test_entities_are_words_of_the_text(tagger: Path) -> None:
    found = model_phrases(TEXTS, str(tagger), device="cpu", cache=None)
    assert found[0] == found[4]
    assert found[1] == {}
    assert any(found)
    for text, some in zip(TEXTS, found, strict=True):
        assert all(stands_in(words(phrase), words(text)) for phrase in some)
        assert all(0 < score <= 1 for score in some.values())


def test_what_the_pipeline_says_becomes_whole_words() -> None:
    def span(start: int, end: int, score: float) -> dict[str, Any]:
        return {"start": start, "end": end, "word": "?", "score": score}

    text = "Tin-mugs, 12 pieces"
    assert entities._entities(text, [span(4, 6, 0.5), span(4, 8, 0.75), span(6, 8, 0.25)]) == {
        "mugs": 0.75
    }
    assert entities._entities(text, [span(0, 5, 0.5)]) == {"tin mugs": 0.5}
    assert entities._entities(text, [span(10, 12, 1.0), span(8, 9, 1.0)]) == {}
    assert entities._entities("a b c d e f", [span(0, 11, 1.0)]) == {}
    assert entities._entities(text, [{"word": "Tin", "score": 0.5}]) == {"tin": 0.5}


def test_labels_are_said_of_texts(judge: Path) -> None:
    labels = ("Kitchen ware", "food", "a gift")
    found = model_phrases(TEXTS, str(judge), labels=labels, device="cpu", cache=None)
    assert found[1] == {}
    assert any(found)
    assert {phrase for some in found for phrase in some} <= {"kitchen ware", "food", "a gift"}
    assert all(0.5 <= score <= 1 for some in found for score in some.values())


def test_labels_are_judged_each_for_itself(judge: Path) -> None:
    both = model_phrases(TEXTS, str(judge), labels=("food", "gift"), device="cpu", cache=None)
    food = model_phrases(TEXTS, str(judge), labels=("food",), device="cpu", cache=None)
    assert [some.get("food") for some in food] == pytest.approx([some.get("food") for some in both])


def test_a_text_is_read_once(
    tagger: Path, judge: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = model_phrases(TEXTS, str(tagger), device="cpu", cache=tmp_path)
    judged = model_phrases(TEXTS, str(judge), labels=("food",), device="cpu", cache=tmp_path)

    def loaded(*_: object) -> None:
        raise AssertionError("the model was loaded")

    monkeypatch.setattr(entities, "_load", loaded)
    assert model_phrases(TEXTS, str(tagger), device="cpu", cache=tmp_path) == first
    assert (
        model_phrases(TEXTS, str(judge), labels=("food",), device="cpu", cache=tmp_path) == judged
    )
    for labels, model in ((("drink",), judge), ((), judge)):
        with pytest.raises(AssertionError):
            model_phrases(TEXTS, str(model), labels=labels, device="cpu", cache=tmp_path)


def test_a_model_of_another_task_is_refused(tagger: Path, judge: Path) -> None:
    with pytest.raises(ConfigError, match="token classification: it is BertForSeq"):
        model_phrases(["tea"], str(judge), device="cpu", cache=None)
    with pytest.raises(ConfigError, match="zero-shot classification: it is BertForTok"):
        model_phrases(["tea"], str(tagger), labels=("food",), device="cpu", cache=None)


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArtefactError, match="holds no model"):
        model_phrases(["tea"], str(tmp_path), device="cpu", cache=None)


def test_entities_enrich_a_graph(
    judge: Path, make_graph: Callable[..., KnowledgeGraph], tmp_path: Path
) -> None:
    items = {f"{domain}-{n}": domain for domain in ("books", "films") for n in range(3)}
    graph = make_graph([("ann", "books-0")], items, texts=dict.fromkeys(items, TEXTS[0]))
    labels = ("food", "gift", "kitchen", "sea", "war", "love", "tin", "tea")
    config = EnrichConfig(
        extractor="zero-shot", model=str(judge), labels=labels, max_share=1.0, device="cpu"
    )
    rich = enrich(graph, config, cache=tmp_path)
    phrases = rich.nodes["phrase"]
    assert 0 < len(phrases) <= 5
    assert set(phrases.vocab.ids.to_pylist()) <= set(labels)
    assert phrases.domains.all()
    assert len(rich.edges["item", "mentions", "phrase"]) == 6 * len(phrases)
