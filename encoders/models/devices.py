"""Where a language model runs, in which precision, and what to do when its memory is full."""

from collections.abc import Sequence

import torch

from encoders.models.quantise import check_int8
from kg.errors import ConfigError

DTYPES = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
    "int8": torch.int8,
}


def resolve_devices(device: str) -> tuple[torch.device, ...]:
    """Return the devices of this name: one replica of the model runs on each.

    Args:
        device: "cpu"; "cuda", every visible GPU; "cuda:1"; names with commas between them, such as
            "cuda:0,cuda:1"; "auto", every visible GPU, or the CPU where there is none.

    Raises:
        ConfigError: no such device here.
    """
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    resolved: list[torch.device] = []
    for name in map(str.strip, device.split(",")):
        one = _resolve_one(name)
        if name == "cuda":
            resolved += [torch.device("cuda", i) for i in range(torch.cuda.device_count())]
        else:
            resolved.append(one)
    return tuple(resolved)


def resolve_device(device: str) -> torch.device:
    """Return the first device of this name, for what runs on one only.

    Raises:
        ConfigError: no such device here.
    """
    return resolve_devices(device)[0]


def _resolve_one(name: str) -> torch.device:
    try:
        device = torch.device(name)
    except RuntimeError:
        raise ConfigError(
            f"device = {name!r}: expected auto, cpu, cuda, cuda:N, or several with commas"
        ) from None
    if device.type == "cuda":
        if not torch.cuda.is_available():
            raise ConfigError(f"device = {name!r}: there is no CUDA device here")
        if device.index is not None and device.index >= torch.cuda.device_count():
            raise ConfigError(f"device = {name!r}: there are {torch.cuda.device_count()} here")
    return device


def resolve_dtype(dtype: str, devices: Sequence[torch.device]) -> torch.dtype:
    """Return the precision of this name; "auto" is bfloat16 where all `devices` are fast at it.

    Raises:
        ConfigError: unknown name, or a device does not calculate in it.
    """
    if dtype == "auto":
        return torch.bfloat16 if all(map(has_bfloat16, devices)) else torch.float32
    if dtype not in DTYPES:
        raise ConfigError(f"dtype = {dtype!r}: expected auto, {', '.join(DTYPES)}")
    if dtype == "float16" and any(device.type == "cpu" for device in devices):
        raise ConfigError("dtype = 'float16' is for GPUs: a CPU is slower at it; try bfloat16")
    if dtype == "int8":
        if any(device.type != "cpu" for device in devices):
            raise ConfigError("dtype = 'int8' is for CPUs: a GPU has bfloat16 or float16")
        check_int8()
    return DTYPES[dtype]


def has_bfloat16(device: torch.device) -> bool:
    """Return whether `device` multiplies bfloat16 faster than float32, as its hardware says.

    This is asked and not timed: precision is part of the fingerprint, which must be the same in
    every run on a machine, however busy it is.
    """
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    # Tiles are needed. AVX512_BF16 alone multiplies at half the rate of float32 on Intel's server
    # cores, and oneDNN accepts bfloat16 on older ones only to emulate it.
    supported = getattr(torch.cpu, "_is_amx_tile_supported", None)
    return device.type == "cpu" and supported is not None and bool(supported())


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether a smaller batch may do what this error stopped."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    says = str(error).lower()
    return isinstance(error, RuntimeError) and (
        "can't allocate memory" in says or "not enough memory" in says or "out of memory" in says
    )
