import pytest


@pytest.fixture(scope="module")
def members(together, job_file, tmp_path_factory):
    folder = tmp_path_factory.mktemp("training")
    return together("training_members.py", folder, job_file, folder)


def test_weights_are_the_same_on_all_after_every_step(members):
    one, other = (m["weights"] for m in members)
    assert len(one) > 15
    assert len(set(one)) == len(one)
    assert one == other


def test_worlds_are_the_same_and_batches_are_not(members):
    one, other = members
    assert one["worlds"] == other["worlds"]
    assert len(set(one["worlds"])) > 1
    for ours, theirs in zip(one["rows"], other["rows"], strict=True):
        pairs, others = ({*zip(*rows, strict=True)} for rows in (ours, theirs))
        assert not pairs & others  # each draws from its own share


def test_averaged_gradients_are_those_of_the_union_of_the_batches(members):
    for found in (m["union"] for m in members):
        assert found["largest"] > 1e-3
        assert found["difference"] < 1e-5 * found["largest"]


def test_a_request_to_stop_on_one_leaves_all_with_a_checkpoint_that_goes_on(members):
    for found in members:
        assert found["stopped"]
        assert found["kept"]
        assert found["cut"] + found["rest"] == found["weights"]
