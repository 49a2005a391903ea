import json
from pathlib import Path
from typing import Any

import pytest

from encoders.models.model_files import (
    check_folder,
    decisive_files,
    length_limit,
    own_dim,
    prompt_text,
    stated_truncation,
)
from kg.errors import ArtefactError, ConfigError

PROMPTS = {"prompts": {"query": "query: ", "passage": "passage: ", "none": None}}


def _model(folder: Path, **files: Any) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "model.safetensors").write_bytes(b"")
    for name, content in {"config": {"model_type": "bert"}, **files}.items():
        (folder / f"{name}.json").write_text(json.dumps(content))
    return folder


def test_pickled_weights_of_a_part_are_refused(tmp_path: Path) -> None:
    modules = [
        {"path": "", "type": "sentence_transformers.models.Transformer"},
        {"path": "2_Dense", "type": "sentence_transformers.models.Dense"},
    ]
    folder = _model(tmp_path, modules=modules)
    (folder / "2_Dense").mkdir()
    (folder / "2_Dense" / "pytorch_model.bin").write_bytes(b"")
    with pytest.raises(ArtefactError, match=r"2_Dense.*pickle"):
        check_folder(folder, trust_remote_code=False)
    (folder / "2_Dense" / "model.safetensors").write_bytes(b"")
    check_folder(folder, trust_remote_code=False)


def test_code_of_the_model_needs_trust(tmp_path: Path) -> None:
    folder = _model(
        tmp_path, config={"model_type": "newest", "auto_map": {"AutoModel": "modeling.Newest"}}
    )
    with pytest.raises(ConfigError, match=r"modeling\.Newest.*trust_remote_code = true") as error:
        check_folder(folder, trust_remote_code=False)
    assert "\n" not in str(error.value)
    check_folder(folder, trust_remote_code=True)


def test_code_that_transformers_has_is_not_needed(tmp_path: Path) -> None:
    folder = _model(
        tmp_path, config={"model_type": "bert", "auto_map": {"AutoModel": "modeling.Bert"}}
    )
    check_folder(folder, trust_remote_code=False)


def test_a_module_of_its_own_is_code(tmp_path: Path) -> None:
    folder = _model(tmp_path, modules=[{"path": "", "type": "custom_st.Transformer"}])
    with pytest.raises(ConfigError, match=r"custom_st\.Transformer"):
        check_folder(folder, trust_remote_code=False)


def test_code_of_another_repository_is_refused(tmp_path: Path) -> None:
    folder = _model(
        tmp_path, config={"model_type": "bert", "auto_map": {"AutoModel": "who/code--m.Model"}}
    )
    with pytest.raises(ConfigError, match=r"another repository"):
        check_folder(folder, trust_remote_code=True)


def test_files_that_decide(tmp_path: Path) -> None:
    folder = _model(tmp_path)
    for name in ("README.md", "modeling.py", "vocab.txt"):
        (folder / name).write_text("")
    (folder / "onnx").mkdir()
    (folder / "onnx" / "config.json").write_text("{}")
    files = {"model.safetensors", "config.json", "vocab.txt"}
    assert {file.as_posix() for file in decisive_files(folder)} == files
    with_code = {file.as_posix() for file in decisive_files(folder, code=True)}
    assert with_code == files | {"modeling.py"}


def test_length_limit(tmp_path: Path) -> None:
    assert length_limit(_model(tmp_path)) is None
    config = {"model_type": "roberta", "max_position_embeddings": 514, "pad_token_id": 1}
    folder = _model(tmp_path, config=config, tokenizer_config={"model_max_length": 10**30})
    assert length_limit(folder) == 512
    folder = _model(tmp_path, config=config, tokenizer_config={"model_max_length": 128})
    assert length_limit(folder) == 128


def test_dimension_of_files(tmp_path: Path) -> None:
    folder = _model(tmp_path, config={"hidden_size": 32})
    assert own_dim(folder) == 32
    assert stated_truncation(folder) is None
    _model(tmp_path, config_sentence_transformers={"truncate_dim": 8})
    assert stated_truncation(folder) == 8
    (folder / "1_Pooling").mkdir()
    for pooling in (
        {"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": True},
        {"pooling_mode": ["cls", "mean"]},
    ):
        (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling))
        assert own_dim(folder) is None


def test_prompts(tmp_path: Path) -> None:
    assert prompt_text(_model(tmp_path), "") == ""
    assert prompt_text(tmp_path, "title: ") == "title: "
    folder = _model(tmp_path, config_sentence_transformers=PROMPTS)
    assert prompt_text(folder, "") == ""
    assert prompt_text(folder, "passage") == "passage: "
    assert prompt_text(folder, "none") == ""
    assert prompt_text(folder, "title: ") == "title: "
    with pytest.raises(ConfigError, match=r'did you mean "passage".*query, passage'):
        prompt_text(folder, "pasage")
    default = {**PROMPTS, "default_prompt_name": "query"}
    assert prompt_text(_model(tmp_path, config_sentence_transformers=default), "") == "query: "


def test_damaged_file_is_named(tmp_path: Path) -> None:
    folder = _model(tmp_path)
    (folder / "config.json").write_text("{")
    with pytest.raises(ArtefactError, match=r"config\.json is damaged"):
        own_dim(folder)
