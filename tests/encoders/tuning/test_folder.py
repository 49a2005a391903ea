import json

import pytest

from encoders.load import load_encoder
from encoders.tuning.folder import About, model_card, read_about, save_tuned
from kg.errors import ArtefactError
from kg.files import read_manifest

ABOUT = About(
    fingerprint="f",
    base="tiny",
    teacher=None,
    settings={"objective": "contrastive", "steps": 5},
    counts={"items": 1234},
    metric="NDCG@10",
    valid=(0.25, 0.5),
    best_step=5,
    splits=("one", "two"),
)


def test_a_tuned_folder_says_what_it_was_made_from(make_model, tmp_path):
    (tmp_path / "metrics.jsonl").write_text("{}\n")
    save_tuned(make_model(), tmp_path / "out", ABOUT, tmp_path / "metrics.jsonl")
    read_manifest(tmp_path / "out", "encoder")
    about = read_about(tmp_path / "out")
    assert about is not None
    assert about["splits"] == ["one", "two"]
    assert about["valid"] == {"before": 0.25, "after": 0.5}
    assert (tmp_path / "out" / "metrics.jsonl").read_text() == "{}\n"
    assert load_encoder(str(tmp_path / "out"), max_length=8, device="cpu").dim == 32


def test_the_card_is_plain():
    card = model_card(ABOUT, "apache-2.0")
    for words in ("`tiny`", "items: 1,234", "0.2500 before, 0.5000 after", "| steps | 5 |"):
        assert words in card
    assert "The licence of `tiny` (apache-2.0)" in card
    assert "(" not in model_card(ABOUT, None).split("## Licence")[1]


def test_the_licence_is_the_one_that_the_base_states(make_folder, make_model, tmp_path):
    import shutil

    folder = tmp_path / "base"
    shutil.copytree(make_folder(), folder)
    (folder / "README.md").write_text("---\nlicense: mit\n---\nlicense: none\n")
    model = make_model()
    model.folder = folder
    (tmp_path / "metrics.jsonl").write_text("")
    save_tuned(model, tmp_path / "out", ABOUT, tmp_path / "metrics.jsonl")
    assert "(mit)" in (tmp_path / "out" / "README.md").read_text()


def test_a_folder_that_is_not_tuned_says_nothing_and_a_damaged_one_is_refused(tmp_path):
    assert read_about(tmp_path) is None
    (tmp_path / "isthmus.json").write_text(json.dumps({"fingerprint": "f"}))
    with pytest.raises(ArtefactError, match="damaged"):
        read_about(tmp_path)
