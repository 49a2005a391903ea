import resource

import pytest
import torch
from safetensors import SafetensorError
from torch import nn

from kg.errors import ArtefactError, FingerprintError
from training import checkpoint
from training.checkpoint import STATE, load_checkpoint, save_checkpoint


def make(seed):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        modules = nn.Linear(3, 2)
    optimizer = torch.optim.Adam(modules.parameters(), lr=0.1)
    return modules, optimizer, torch.Generator().manual_seed(seed)


def step(modules, optimizer, generator):
    optimizer.zero_grad()
    modules(torch.randn(4, 3, generator=generator)).square().sum().backward()
    optimizer.step()


@pytest.fixture
def saved(tmp_path):
    """Save after two steps; returns the folder and the state it was saved in."""
    state = make(0)
    step(*state)
    step(*state)
    modules, optimizer, generator = state
    save_checkpoint(
        tmp_path / "c",
        modules=modules,
        optimizer=optimizer,
        random={"draws": generator.get_state()},
        best={"weight": torch.full((2, 3), 7.0)},
        progress={"epoch": 3, "best": 0.1 + 0.2},
        fingerprint="this",
    )
    return tmp_path / "c", state


def load(path, state, fingerprint="this"):
    modules, optimizer, generator = state
    last = load_checkpoint(path, modules=modules, optimizer=optimizer, fingerprint=fingerprint)
    generator.set_state(last.random["draws"])
    return last


def test_what_was_saved_goes_on_as_if_nothing_had_happened(saved):
    path, state = saved
    other = make(1)

    last = load(path, other)
    for _ in range(3):
        step(*state)
        step(*other)

    assert torch.equal(last.best["weight"], torch.full((2, 3), 7.0))
    assert last.progress == {"epoch": 3, "best": 0.1 + 0.2}
    for name, value in state[0].state_dict().items():
        assert torch.equal(other[0].state_dict()[name], value)


def test_a_checkpoint_is_safetensors_and_json(saved):
    path, _ = saved

    assert sorted(file.name for file in path.iterdir()) == [
        "manifest.json",
        "progress.json",
        "state.safetensors",
    ]


def test_another_fingerprint_is_refused_and_nothing_is_changed(saved):
    other = make(1)
    before = other[0].weight.detach().clone()

    with pytest.raises(FingerprintError, match="--fresh"):
        load(saved[0], other, fingerprint="that")

    assert torch.equal(other[0].weight, before)


def test_a_damaged_checkpoint_is_named(saved):
    path, _ = saved
    content = bytearray((path / STATE).read_bytes())
    content[-1] ^= 1
    (path / STATE).write_bytes(content)

    with pytest.raises(ArtefactError, match=r"state\.safetensors does not match its checksum"):
        load(path, make(1))


@pytest.fixture
def small_disk():
    """Let no file grow beyond a kilobyte: a real way for writing to fail."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def again(path, state, **progress):
    modules, optimizer, generator = state
    save_checkpoint(
        path,
        modules=modules,
        optimizer=optimizer,
        random={"draws": generator.get_state()},
        best={"weight": torch.zeros(2, 3)},
        progress=progress,
        fingerprint="this",
    )


def test_what_cannot_be_written_leaves_the_last(saved, small_disk):
    path, state = saved

    with pytest.raises(ArtefactError) as caught:
        again(path, state, epoch=4)

    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(f"{path}: a checkpoint of 5,")  # bytes: the generator's, mostly
    for told in ("File too large", "bytes are free", "the last one stays"):
        assert told in message
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    assert load(path, make(1)).progress == {"epoch": 3, "best": 0.1 + 0.2}


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), SafetensorError("28")])
def test_a_full_disk_before_the_first_checkpoint(tmp_path, monkeypatch, error):
    def full(*_):
        raise error

    monkeypatch.setattr(checkpoint, "save_file", full)

    with pytest.raises(ArtefactError, match="there is none yet"):
        again(tmp_path / "c", make(0))

    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_no_checkpoint_is_not_replaced(tmp_path):
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "thesis.txt").write_text("precious")

    with pytest.raises(ArtefactError, match="is not replaced"):
        again(tmp_path / "c", make(0))
