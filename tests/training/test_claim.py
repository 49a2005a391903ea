import pytest

from kg.errors import ArtefactError, ConfigError
from training.claim import claim, hold, is_held, training_fingerprint
from training.run_folder import RunFolder


@pytest.fixture
def run(tmp_path):
    return RunFolder(tmp_path / "run")


def test_a_run_is_held_by_one(run):
    assert not is_held(run)

    with hold(run):
        assert is_held(run)
        with pytest.raises(ArtefactError, match="another process"), hold(run):
            pass

    assert not is_held(run)
    with hold(run):  # and can be held again
        pass


def test_how_a_run_is_kept_and_watched_may_change(run, make_job, split, features):
    job = make_job()
    other = make_job(checkpoint_minutes=1.0, checkpoint_every=3, tensorboard=True)
    claim(job, run)

    claim(other, run)

    marks = [training_fingerprint(each, split, features) for each in (job, other)]
    assert marks[0] == marks[1]


def test_what_is_learned_may_not(run, make_job, split, features):
    job, other = make_job(), make_job(loss="bpr")
    claim(job, run)

    with pytest.raises(ConfigError, match=r"training\.loss = 'softmax', now it is 'bpr'"):
        claim(other, run)

    marks = [training_fingerprint(each, split, features) for each in (job, other)]
    assert marks[0] != marks[1]
