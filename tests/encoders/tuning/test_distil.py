import numpy as np
import pytest
import torch

from encoders.tuning.config import TuningConfig
from encoders.tuning.distil import Distillation, keep_layers
from encoders.tuning.text_model import TextModel, seeded
from kg.errors import ConfigError

WORDS = ("red", "blue", "cat", "dog", "whale", "ship", "pan", "pot")
TEXTS = [f"{a} {b}" for a in WORDS for b in WORDS if a != b]


@pytest.mark.parametrize("student", ["fewer layers", "a smaller folder"])
def test_the_student_comes_nearer_to_the_teacher_on_texts_it_never_met(make_model, student):
    vectors = make_model(layers=3).encode(TEXTS).numpy()
    if student == "fewer layers":
        model = make_model(layers=3)
        keep_layers(model, 1)
    else:
        model = make_model(layers=1, hidden=16, seed=5)
    config = TuningConfig(objective="distil", layers=1, batch_size=16)
    task = Distillation(model, TEXTS, vectors, np.arange(0, len(TEXTS), 7), config)
    before, rng = task.valid(), np.random.default_rng(0)
    optimizer = torch.optim.AdamW(task.parameters(), 5e-3)
    for _ in range(60):
        optimizer.zero_grad()
        with seeded(int(rng.integers(1000)), model.device):
            task.loss(rng).backward()
        optimizer.step()
    assert 1 - task.valid() < 0.9 * (1 - before)


@pytest.mark.parametrize("kind", ["bert", "llama"])
def test_layers_that_are_kept_are_evenly_spaced_and_survive_the_disk(make_model, tmp_path, kind):
    model, whole = make_model(kind, layers=4), make_model(kind, layers=4)
    keep_layers(model, 2)
    stack = "encoder.layer" if kind == "bert" else "layers"
    layers = model.backbone.get_submodule(stack)
    expected = whole.backbone.get_submodule(stack)
    assert len(layers) == model.backbone.config.num_hidden_layers == 2
    for mine, theirs in ((layers[0], expected[0]), (layers[1], expected[3])):
        for a, b in zip(mine.parameters(), theirs.parameters(), strict=True):
            assert torch.equal(a, b)
    rows = model.encode(TEXTS)
    model.save(tmp_path / "small")
    opened = TextModel(tmp_path / "small", max_length=16, device=torch.device("cpu"))
    torch.testing.assert_close(opened.encode(TEXTS), rows, atol=1e-5, rtol=0)


def test_more_layers_than_there_are_is_refused(make_model):
    with pytest.raises(ConfigError, match="layers = 5: tiny has 2"):
        keep_layers(make_model(), 5)
