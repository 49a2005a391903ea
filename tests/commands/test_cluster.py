import pytest

from commands.cluster import cluster_of
from kg.errors import ConfigError


def test_one_process_is_the_default():
    assert cluster_of("local", None, None, None) is None


@pytest.mark.parametrize("given", [("auto", None, None), (None, 2, None), (None, None, 1)])
def test_options_of_a_cluster_need_one(given):
    with pytest.raises(ConfigError, match=r"need --engine ray; without Ray: torchrun"):
        cluster_of("local", *given)


def test_an_engine_that_is_not_there_is_named():
    with pytest.raises(ConfigError, match=r"'rai'.*ray.*it is: local, ray"):
        cluster_of("rai", None, None, None)


def test_what_was_asked_for_is_what_is_joined():
    there = cluster_of("ray", "auto", 8, 4)
    assert (there.address, there.workers, there.cpus_each) == ("auto", 8, 4)
    here = cluster_of("ray", None, None, None)
    assert (here.address, here.workers) == (None, 2)
