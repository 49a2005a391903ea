import json
from pathlib import Path

import pytest

from kg.errors import ConfigError
from kg.settings import build
from training.config import JobConfig, load_job

JOB = """
name = "a"
[graph]
mapping = "data/graph.toml"
[task]
target = "films"
"""


@pytest.fixture
def write(tmp_path):
    def write_job(more="", job=JOB):
        path = tmp_path / "job.toml"
        path.write_text(job + more, encoding="utf-8")
        return path

    return write_job


def refused(path, *overrides):
    with pytest.raises(ConfigError) as caught:
        load_job(path, overrides)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_a_small_job_has_the_documented_defaults(write):
    job = load_job(write())

    assert job.task.protocols == ("user-cold", "item-cold")
    assert job.training.alignment == "mmd"
    assert job.encoder.model == "minilm"
    assert job.seed == 0


def test_paths_are_relative_to_the_job(write, tmp_path):
    job = load_job(write('cold_users = "../users.csv"\n'))

    assert job.graph.mapping == (tmp_path / "data" / "graph.toml").resolve()
    assert job.task.cold_users == (tmp_path.parent / "users.csv").resolve()
    assert job.encoder.cache == Path("~/.cache/isthmus/encodings").expanduser().resolve()


def test_variables_of_the_environment_stand_in_paths(write, tmp_path, monkeypatch):
    monkeypatch.setenv("ISTHMUS_TEST_DATA", str(tmp_path / "elsewhere"))
    path = write('cold_users = "${ISTHMUS_TEST_DATA}/users.csv"\n')
    assert load_job(path).task.cold_users == tmp_path / "elsewhere" / "users.csv"

    monkeypatch.delenv("ISTHMUS_TEST_DATA")
    assert "needs the environment variable ISTHMUS_TEST_DATA" in refused(path)


@pytest.mark.parametrize(
    ("override", "key", "hint"),
    [
        ("training.epoch=3", "training.epoch", "epochs"),
        ("trainig.epochs=3", "trainig", "training"),
        ("task.protocol=warm", "task.protocol", "protocols"),
    ],
)
def test_an_unknown_key_names_the_nearest(write, override, key, hint):
    message = refused(write(), override)

    assert f"unknown key {key!r}" in message
    assert f'did you mean "{hint}"?' in message


def test_an_unknown_key_of_the_file_is_refused_too(write):
    message = refused(write("[training]\nlearing_rate = 0.1\n"))

    assert 'training.learing_rate\', did you mean "learning_rate"?' in message


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("training.epochs=many", "training.epochs = 'many': expected int, got str"),
        ("training.epochs=1.5", "training.epochs = 1.5: expected int, got float"),
        ("training.epochs=true", "training.epochs = True: expected int, got bool"),
        ("training.spectral_start=1", "training.spectral_start = 1: expected bool, got int"),
        ("training.alignment=mdm", "did you mean \"mmd\"?: must be one of 'none', 'mmd'"),
        ("task.protocols=[1]", "task.protocols[0] = 1"),
        ("training=3", "training: expected a table, got 3"),
        ("name.first=b", "--set 'name.first=b': 'name' is not a table"),
        ("training.batch_size=0", "training: batch_size = 0: must be 1 or more"),
        ("training.simulate_users=1.5", "training: simulate_users = 1.5: must be from 0 to 1"),
        ("training.learning_rate=nan", "training: learning_rate = nan: must be 0 or more"),
        ("model.text_width=-1", "model: text_width = -1: must be 0 or more"),
        ("model.layers=0", "model: layers = 0: must be 1 or more"),
        ("training.epochs", "--set 'training.epochs': expected key=value"),
    ],
)
def test_a_wrong_value_names_its_key(write, override, expected):
    assert expected in refused(write(), override)


def test_overrides_win_over_the_file_and_are_toml_or_bare_words(write, tmp_path):
    job = load_job(
        write("[training]\nepochs = 9\n"),
        [
            "training.epochs=3",
            "training.learning_rate = 1e-4",
            "training.weight_decay=1",
            "training.alignment=coral",
            'name="b c"',
            "evaluation.k=[5, 50]",
            "task.protocols=warm",
            "evaluation.floors=false",
            "task.cold_items=cold=1.csv",
        ],
    )

    assert job.training.epochs == 3
    assert job.training.learning_rate == 1e-4
    assert job.training.weight_decay == 1.0
    assert isinstance(job.training.weight_decay, float)
    assert job.training.alignment == "coral"
    assert job.name == "b c"
    assert job.evaluation.k == (5, 50)
    assert job.task.protocols == ("warm",)
    assert job.evaluation.floors is False
    assert job.task.cold_items == tmp_path.resolve() / "cold=1.csv"


def test_missing_keys_files_and_bad_toml_are_one_line(write, tmp_path):
    assert "missing key 'task'" in refused(write(job='name = "a"\n[graph]\nfolder = "g"\n'))
    assert "missing key 'task.target'" in refused(write(job=JOB.replace("target", "#")))
    assert "not valid TOML" in refused(write("x ="))
    assert "no such file" in refused(tmp_path / "none.toml")


@pytest.mark.parametrize("graph", ["", 'mapping = "a"\nfolder = "b"'])
def test_a_graph_comes_from_one_place(write, graph):
    job = f'name = "a"\n[graph]\n{graph}\n[task]\ntarget = "films"\n'

    assert "graph: give either mapping" in refused(write(job=job))


def test_a_job_survives_json(write):
    job = load_job(write(), ["evaluation.k=[5]", "task.sources=books"])

    plain = json.loads(json.dumps(job.to_dict()))

    assert plain == job.to_dict()
    assert build(JobConfig, plain) == job


@pytest.mark.parametrize("key", ["decoder=complex", "knowledge_decoder=rotate"])
def test_complex_numbers_need_even_widths(write, key):
    overrides = (f"model.{key}", "model.text_width=63")

    assert "model: " in refused(write(), *overrides)
    assert "needs an even width and text_width" in refused(write(), *overrides)
    assert load_job(write(), overrides[:1]).model.text_width % 2 == 0
