import numpy as np
import pytest
import torch

from encoders.tuning.config import TuningConfig
from encoders.tuning.language_model import LanguageModelling, hide_words, long_enough
from encoders.tuning.losses import IGNORED
from encoders.tuning.text_model import seeded
from kg.errors import ConfigError

TEXTS = ["red cat red dog", "blue whale blue ship", "red pan red pot", "blue lid blue song"] * 4


def tuned(model, objective, steps=30):
    task = LanguageModelling(
        model, TEXTS, TEXTS[:4], TuningConfig(objective=objective, batch_size=8), seed=0
    )
    before, rng = task.valid(), np.random.default_rng(0)
    optimizer = torch.optim.AdamW(task.parameters(), 5e-3)
    for _ in range(steps):
        optimizer.zero_grad()
        with seeded(int(rng.integers(1000)), model.device):
            task.loss(rng).backward()
        optimizer.step()
    return before, task.valid()


@pytest.mark.parametrize(
    ("kind", "objective"), [("bert", "masked"), ("bert", "causal"), ("llama", "causal")]
)
def test_words_become_likelier_and_the_encoder_changes(make_model, kind, objective):
    model = make_model(kind)
    start = model.encode(TEXTS)
    before, after = tuned(model, objective)
    assert after > before + 0.3
    assert (model.encode(TEXTS) - start).abs().max() > 0.01  # the head shares the encoder's weights


def test_adapters_learn_too(make_model):
    pytest.importorskip("peft")
    model = make_model()
    model.add_adapters(4, seed=0)
    frozen = model.backbone.get_input_embeddings().weight.clone()
    before, after = tuned(model, "masked")
    assert after > before
    assert torch.equal(model.backbone.get_input_embeddings().weight, frozen)


def test_a_model_without_a_mask_is_refused(make_model):
    with pytest.raises(ConfigError, match="no token that hides"):
        LanguageModelling(
            make_model("llama"), TEXTS, TEXTS, TuningConfig(objective="masked"), seed=0
        )


def test_hidden_words_are_asked_for_and_no_others():
    ids = torch.arange(5, 25).repeat(500, 1)
    may_hide = torch.ones_like(ids, dtype=torch.bool)
    may_hide[:, 0] = False
    read, labels = hide_words(
        ids, may_hide, mask=4, num_tokens=25, fraction=0.2, rng=np.random.default_rng(0)
    )
    asked = labels != IGNORED
    assert torch.equal(labels[asked], ids[asked])
    assert torch.equal(read[~asked], ids[~asked])
    assert not asked[:, 0].any()
    assert asked[:, 1:].float().mean().item() == pytest.approx(0.2, abs=0.01)
    assert (read[asked] == 4).float().mean().item() == pytest.approx(0.8 + 0.1 / 25, abs=0.02)
    kept = (read[asked] == ids[asked]).float().mean().item()
    assert kept == pytest.approx(0.1 + 0.1 / 25, abs=0.02)


def test_short_and_repeated_texts_are_left_out(make_model):
    assert long_enough(make_model(), ["red cat", "red", "", "red cat"]) == ["red cat"]
