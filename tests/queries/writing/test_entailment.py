import pytest

from kg.errors import ConfigError
from queries.writing.entailment import EntailmentModel


@pytest.fixture
def folder(tmp_path, tiny_model):
    """Return the factory of folders of a tiny classifier with random weights."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification

    def factory(labels):
        torch.manual_seed(0)
        config = BertConfig(
            vocab_size=len(tiny_model.tokenizer),
            hidden_size=8,
            intermediate_size=8,
            num_hidden_layers=1,
            num_attention_heads=2,
            max_position_embeddings=512,
            id2label=dict(enumerate(labels)),
            label2id={label: place for place, label in enumerate(labels)},
        )
        BertForSequenceClassification(config).save_pretrained(tmp_path)
        tiny_model.tokenizer.save_pretrained(tmp_path)
        return str(tmp_path)

    return factory


def test_each_pair_has_a_probability(folder):
    model = EntailmentModel(folder(["contradiction", "ENTAILMENT", "neutral"]), device="cpu")
    found = model.probabilities(["you know films", "Dune " * 900] * 9, ["films", "Dune"] * 9)
    assert len(found) == 18
    assert all(0 < value < 1 for value in found)
    assert found[0] == pytest.approx(found[2], abs=1e-5)


def test_another_classifier_is_refused(folder):
    with pytest.raises(ConfigError, match="its labels are good, bad"):
        EntailmentModel(folder(["good", "bad"]), device="cpu").probabilities(["a"], ["b"])


def test_what_is_no_model_is_one_line(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ConfigError, match="expected a folder, or the name") as error:
        EntailmentModel("no such / model")
    assert "encoder" not in str(error.value)
