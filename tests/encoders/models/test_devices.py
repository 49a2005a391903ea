import pytest
import torch

from encoders.models.devices import (
    has_bfloat16,
    is_out_of_memory,
    resolve_device,
    resolve_devices,
    resolve_dtype,
)
from kg.errors import ConfigError

CPU = torch.device("cpu")


def test_names_of_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    assert resolve_devices("cpu") == (CPU,)
    assert resolve_devices("cpu, cpu") == (CPU, CPU)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    both = (torch.device("cuda", 0), torch.device("cuda", 1))
    assert resolve_devices("auto") == both
    assert resolve_devices("cuda") == both
    assert resolve_devices("cuda:1") == both[1:]
    assert resolve_device("cuda") == both[0]
    with pytest.raises(ConfigError, match=r"cuda:2.*there are 2"):
        resolve_devices("cuda:2")


@pytest.mark.parametrize("name", ["quantum", "", "cpu,,cpu"])
def test_no_such_device(name: str) -> None:
    with pytest.raises(ConfigError, match=r"expected auto, cpu, cuda"):
        resolve_devices(name)


def test_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert resolve_devices("auto") == (CPU,)
    with pytest.raises(ConfigError, match=r"no CUDA device"):
        resolve_devices("cuda")


def test_auto_dtype_follows_the_hardware(monkeypatch: pytest.MonkeyPatch) -> None:
    for supported, expected in ((True, torch.bfloat16), (False, torch.float32)):
        monkeypatch.setattr(
            torch.cpu, "_is_amx_tile_supported", lambda answer=supported: answer, raising=False
        )
        assert has_bfloat16(CPU) is supported
        assert resolve_dtype("auto", [CPU]) == expected
    monkeypatch.delattr(torch.cpu, "_is_amx_tile_supported")
    assert has_bfloat16(CPU) is False


def test_dtypes_that_a_device_has_not(monkeypatch: pytest.MonkeyPatch) -> None:
    gpu = torch.device("cuda", 0)
    assert resolve_dtype("float16", [gpu]) == torch.float16
    with pytest.raises(ConfigError, match=r"float16.*for GPUs"):
        resolve_dtype("float16", [gpu, CPU])
    with pytest.raises(ConfigError, match=r"int8.*for CPUs"):
        resolve_dtype("int8", [gpu])
    with pytest.raises(ConfigError, match=r"float64.*expected auto, float32"):
        resolve_dtype("float64", [CPU])
    monkeypatch.setattr(torch.cpu, "_is_vnni_supported", lambda: False, raising=False)
    with pytest.raises(ConfigError, match=r"VNNI"):
        resolve_dtype("int8", [CPU])


def test_errors_of_full_memory() -> None:
    with pytest.raises(RuntimeError) as real:
        torch.empty(1 << 60)
    assert is_out_of_memory(real.value)
    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory"))
    assert is_out_of_memory(MemoryError())
    assert not is_out_of_memory(RuntimeError("shapes cannot be multiplied"))
    assert not is_out_of_memory(ValueError("out of memory"))
