import pytest
import torch

from kg.errors import ConfigError
from kg.settings import build
from training import memory
from training.config import TrainingConfig

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("text", "size"),
    [("8GB", 8 * 10**9), ("1.5 gb", 1_500_000_000), ("512MB", 512 * 10**6), ("10B", 10)],
)
def test_sizes(text, size):
    assert memory.read_bytes(text) == size


@pytest.mark.parametrize("text", ["", "8", "GB", "8 G", "-1GB", "0GB", "all"])
def test_what_is_no_size_is_refused(text):
    with pytest.raises(ConfigError, match='must be "auto" or a size such as "8GB"'):
        build(TrainingConfig, {"memory": text})


def test_auto_is_most_of_what_is_free(monkeypatch):
    monkeypatch.setattr(memory, "free", lambda: 10_000)
    assert memory.room("auto", CPU) == 7_000


def test_what_the_process_has_counts_towards_its_limit(monkeypatch):
    monkeypatch.setattr(memory, "held", lambda: 300)
    assert memory.room("1KB", CPU) == 700
    assert memory.room("200B", CPU) == 0


def files(folder, **texts):
    for name, text in texts.items():
        (folder / name.replace("_", ".")).write_text(text)


def test_free_is_what_the_machine_has(tmp_path):
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal:  9000 kB\nMemFree: 10 kB\nMemAvailable:   5000 kB\n")

    assert memory.free(meminfo, tmp_path) == 5_000 * 1024


def test_a_container_may_have_less(tmp_path):
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemAvailable:   5000 kB\n")
    files(tmp_path, memory_max="1000000\n", memory_current="800000\n")
    assert memory.free(meminfo, tmp_path) == 200_000

    files(tmp_path, memory_stat="anon 1\ninactive_file 40000\nactive_file 10000\n")
    assert memory.free(meminfo, tmp_path) == 250_000  # pages of files go when they are needed

    files(tmp_path, memory_max="max\n")
    assert memory.free(meminfo, tmp_path) == 5_000 * 1024


def test_a_machine_that_does_not_say_has_half_of_what_is_built_in(tmp_path):
    assert memory.free(tmp_path / "nothing", tmp_path) > 10**8


def test_pages_of_files_are_not_held(tmp_path):
    status = tmp_path / "status"
    status.write_text("VmRSS:\t  900 kB\nRssAnon:\t  500 kB\nRssFile:\t  400 kB\n")

    assert memory.held(status) == 500 * 1024
    assert memory.held(tmp_path / "nothing") == 0


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_on_a_gpu_its_memory_counts():
    device = torch.device("cuda")
    assert 0 < memory.room("auto", device) < torch.cuda.mem_get_info(device)[0]
    held = torch.zeros(1000, device=device)
    assert memory.room("1GB", device) <= 10**9 - held.nbytes
