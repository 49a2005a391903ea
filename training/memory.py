"""How much memory there is: what a job says, or what the machine has free."""

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # whoever only reads a job does without torch
    import torch

SHARE = 0.7  # of what is free
_UNITS = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_MEMINFO, _CGROUP = Path("/proc/meminfo"), Path("/sys/fs/cgroup")
_STATUS = Path("/proc/self/status")


def read_bytes(text: str) -> int | None:
    """Return the bytes of a text such as "8GB", None for "auto".

    Raises:
        ValueError: it is neither.
    """
    if text == "auto":
        return None
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?B)\s*", text, re.IGNORECASE)
    if found is None or float(found[1]) <= 0:
        raise ValueError(f'memory = {text!r}: must be "auto" or a size such as "8GB"')
    return int(float(found[1]) * _UNITS[found[2].upper()])


def room(memory: str, device: "torch.device", among: int = 1) -> int:
    """Return how many bytes training may add to what the process has already.

    Args:
        memory: what the process may have in all, such as "8GB"; "auto" for `SHARE` of what is free.
        device: whose memory: that of the GPU, or of the machine.
        among: processes of the machine that are to share what is free of it.
    """
    limit = read_bytes(memory)
    if device.type == "cuda":
        import torch

        if limit is not None:
            return max(0, limit - torch.cuda.memory_allocated(device))
        return int(SHARE * torch.cuda.mem_get_info(device)[0])
    return int(SHARE * free()) // among if limit is None else max(0, limit - held())


def free(meminfo: Path = _MEMINFO, cgroup: Path = _CGROUP) -> int:
    """Return the bytes that this process could get: of the machine, or of its container if less."""
    if meminfo.is_file():
        lines = dict(line.split(":", 1) for line in meminfo.read_text().splitlines() if ":" in line)
        available = int(lines["MemAvailable"].split()[0]) * 1024
    else:  # no Linux: half of what is built in
        available = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
    for limit, used in (
        (cgroup / "memory.max", cgroup / "memory.current"),
        (cgroup / "memory" / "memory.limit_in_bytes", cgroup / "memory" / "memory.usage_in_bytes"),
    ):
        if limit.is_file() and used.is_file() and limit.read_text().strip() != "max":
            # pages of files count as used, and go when they are needed
            stat = dict(line.split() for line in _lines(limit.with_name("memory.stat")))
            files = int(stat.get("inactive_file", 0)) + int(stat.get("active_file", 0))
            inside = int(limit.read_text()) - int(used.read_text()) + files
            available = min(available, max(0, inside))
    return available


def held(status: Path = _STATUS) -> int:
    """Return the bytes that this process has, without pages of files; 0 where nobody says."""
    for line in _lines(status):
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024
    return 0


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.is_file() else []
