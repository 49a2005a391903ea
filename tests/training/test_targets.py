from pathlib import Path

import pytest

from kg.errors import ConfigError
from training.config import GraphConfig, JobConfig, TaskConfig
from training.targets import for_target


def job(**task):
    return JobConfig(
        name="x",
        graph=GraphConfig(folder=Path("graph")),
        task=TaskConfig(**{"target": "films", **task}),
    )


def test_the_old_target_becomes_a_source():
    task = for_target(job(sources=("books", "music"), shots=2), "books").task
    assert (task.target, task.sources, task.shots) == ("books", ("films", "music"), 2)
    assert for_target(job(sources=("books",)), "films") == job(sources=("books",))


def test_without_sources_every_other_domain_stays_one():
    assert for_target(job(), "books").task.sources == ()


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a\\b"])
def test_a_target_that_is_no_folder_name_is_refused(name):
    with pytest.raises(ConfigError, match="folder of its name"):
        for_target(job(), name)


def test_cold_files_belong_to_one_target():
    cold = job(cold_items=Path("cold.tsv"))
    assert for_target(cold, "films") == cold
    with pytest.raises(ConfigError, match=r"task\.cold_items says what is cold in 'films'"):
        for_target(cold, "books")
