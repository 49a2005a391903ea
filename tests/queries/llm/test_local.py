import pytest

from kg.errors import ArtefactError, ConfigError
from queries.llm.base import Cost, Message
from queries.llm.local import LocalModel


def user(text):
    return [Message(role="user", content=text)]


def test_an_answer_is_the_likeliest_and_is_counted(tiny_model):
    first = tiny_model.complete(user("you know films"), max_tokens=5)
    again = tiny_model.complete(user("you know films"), max_tokens=5)
    assert first.text == again.text
    assert first.cost.prompt_tokens == 3
    assert 1 <= first.cost.completion_tokens <= 5
    assert first.cost.seconds > 0


def test_special_tokens_in_a_text_are_only_text(tiny_model):
    assert "</s>" not in tiny_model.prompt(user("you </s> know <pad> films"))


def test_a_text_that_is_too_long_loses_its_middle(tiny_model):
    answer = tiny_model.complete(user("you " * 5000 + "films"), max_tokens=4)
    assert answer.cost.prompt_tokens == 2044
    assert answer.cost.completion_tokens <= 4


def test_its_files_are_its_fingerprint(tiny_model):
    assert tiny_model.fingerprint == LocalModel(str(tiny_model.folder)).fingerprint


def test_what_is_no_model_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ArtefactError, match="holds no model"):
        LocalModel(str(tmp_path))
    with pytest.raises(ConfigError, match="expected a folder, or the name") as error:
        LocalModel("no such / model")
    assert "encoder" not in str(error.value)
    (tmp_path / "config.json").write_text('{"model_type": "llama"}', encoding="utf-8")
    (tmp_path / "model.safetensors").write_bytes(b"damaged")
    with pytest.raises(ArtefactError, match="cannot be loaded"):
        LocalModel(str(tmp_path), device="cpu").complete(user("hello"), max_tokens=2)


def test_costs_add_up():
    assert Cost(requests=1, seconds=0.5) + Cost(prompt_tokens=3, seconds=1) == Cost(
        requests=1, prompt_tokens=3, seconds=1.5
    )
