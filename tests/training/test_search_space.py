import re
from pathlib import Path

import pytest

from kg.errors import ConfigError
from training.config import GraphConfig, JobConfig, TaskConfig
from training.search_space import (
    DEFAULT_SPACE,
    Parameter,
    check_space,
    load_space,
    setting,
    with_settings,
)


@pytest.fixture
def job(tmp_path):
    return JobConfig(
        name="shop", graph=GraphConfig(folder=tmp_path / "graph"), task=TaskConfig(target="films")
    )


@pytest.fixture
def write(tmp_path):
    def factory(text):
        path = tmp_path / "space.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return factory


def test_the_default_space_is_one_of_jobs_and_holds_their_defaults(job):
    check_space(DEFAULT_SPACE, job)

    outside = [k for k, p in DEFAULT_SPACE.items() if not p.holds(setting(job, k))]
    assert outside == []


def test_keys_may_be_quoted_or_not(write):
    path = write(
        "[search]\n"
        '"model.width" = { choices = [8, 16] }\n'
        "training.epochs = { low = 1, high = 3 }\n"
        "training.learning_rate = { low = 1e-3, high = 1, log = true }\n"
        "[search.neighbours]\n"
        "k = { low = 1, high = 9 }\n"
    )

    assert load_space(path) == {
        "model.width": Parameter(choices=(8, 16)),
        "training.epochs": Parameter(low=1, high=3),
        "training.learning_rate": Parameter(low=1e-3, high=1, log=True),
        "neighbours.k": Parameter(low=1, high=9),
    }


def test_what_is_set_is_not_searched():
    space = load_space(None, ["model.width=64", "seed=1"])

    assert set(space) == set(DEFAULT_SPACE) - {"model.width"}
    with pytest.raises(ConfigError, match="nothing to search"):
        load_space(None, [f"{key}=1" for key in DEFAULT_SPACE])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[serach]\nx = 1\n", "expected one table"),
        ("[search]\nx = 1\n", "search.x: expected"),
        ("[search]\nx = {}\n", "search.x: give low and high, or choices"),
        ("[search]\nx = { low = 1 }\n", "search.x: give low and high, or choices"),
        ("[search]\nx = { low = 2, high = 1 }\n", "low = 2: must be less than high = 1"),
        ("[search]\nx = { low = 0, high = 1, log = true }\n", "must be more than 0"),
        ("[search]\nx = { low = 0, high = 1, choices = [1] }\n", "either low and high, or"),
        ("[search]\nx = { choices = [[1]] }\n", "must be numbers, strings or booleans"),
        ("[search]\nx = { low = 0, hihg = 1 }\n", 'did you mean "high"'),
    ],
)
def test_a_wrong_space_is_one_line_that_names_the_key(write, text, message):
    with pytest.raises(ConfigError, match=message) as caught:
        load_space(write(text))

    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("key", "parameter", "message"),
    [
        ("training.epoch", Parameter(low=1, high=2), 'did you mean "epochs"'),
        ("training.simulate_users", Parameter(low=0.5, high=1.5), "must be from 0 to 1"),
        ("model.fusion", Parameter(choices=("gate", "sum")), "must be one of"),
        ("model.width", Parameter(low=1.5, high=2.5), "expected int"),
        ("seed.x", Parameter(low=1, high=2), "cannot be searched"),
        ("task.valid_fraction", Parameter(low=0.1, high=0.2), "cannot be searched"),
        ("encoder.model", Parameter(choices=("lsa", "minilm")), "cannot be searched"),
        ("channels.image_model", Parameter(choices=("clip",)), "cannot be searched"),
    ],
)
def test_a_space_that_no_job_fits_is_refused(job, key, parameter, message):
    with pytest.raises(ConfigError, match=message):
        check_space({key: parameter}, job)


def test_a_setting_that_a_job_does_not_have_may_be_searched(job):
    kinds = Parameter(choices=("numeric", "none"))
    check_space({"channels.kinds.price": kinds}, job)

    assert setting(job, "channels.kinds.price") is None
    assert not kinds.holds(None)
    assert not Parameter(low=1, high=2).holds(None)
    other = with_settings(job, {"channels.kinds.price": "none"})
    assert setting(other, "channels.kinds.price") == "none"


def test_settings_change_what_they_name_and_nothing_else(job):
    other = with_settings(job, {"training.epochs": 5, "neighbours.lexical": 0.25})

    assert (other.training.epochs, other.neighbours.lexical) == (5, 0.25)
    assert with_settings(other, {"training.epochs": 1, "neighbours.lexical": 0.5}) == job


def test_the_page_shows_the_default_space():
    page = Path(__file__).parents[2] / "docs" / "search.md"
    lines = re.findall(r"^\| `\w+\.\w+` \|.*", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    rows = [[cell.strip(" `") for cell in line.split("|")[1:-1]] for line in lines]

    def row(parameter):
        if parameter.choices:
            return [", ".join(map(str, parameter.choices)), "", ""]
        return [str(parameter.low), str(parameter.high), "log" if parameter.log else ""]

    assert {key: cells for key, *cells in rows} == {k: row(p) for k, p in DEFAULT_SPACE.items()}
