"""What the figures of a benchmark depend on, and the command that makes them."""

import os
import platform
import shlex
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any


def called() -> str:
    """Return how this benchmark was called; of a full path only the last name."""
    arguments = [Path(word).name if Path(word).is_absolute() else word for word in sys.argv[1:]]
    return shlex.join(["python", f"benchmarks/{Path(sys.argv[0]).name}", *arguments])


def machine(*packages: str) -> dict[str, Any]:
    """Describe processor, load and GPU, Python, and the versions of `packages`.

    Threads and GPU are those of torch, and left out where the benchmark does not use it.
    """
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.is_file() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    about: dict[str, Any] = {
        "cpu": names[0] if names else platform.processor(),
        "cores": os.cpu_count(),
        "load_before": round(os.getloadavg()[0], 2),
    }
    if "torch" in sys.modules:
        import torch

        about |= {
            "cpu_isa": torch.backends.cpu.get_cpu_capability(),
            "threads": torch.get_num_threads(),
            "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        }
    return {**about, "python": platform.python_version(), **{p: version(p) for p in packages}}
