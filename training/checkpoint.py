"""Everything a training run needs to go on as if it had never stopped."""

import glob
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from kg.errors import ArtefactError, FingerprintError
from kg.files import read_json, read_manifest, write_folder, write_json

STATE, PROGRESS = "state.safetensors", "progress.json"


@dataclass(frozen=True, kw_only=True, eq=False)
class Checkpoint:
    """What a checkpoint says beside what is put back into modules and optimiser.

    Attributes:
        best: parameters of the best epoch.
        random: states of generators by name.
        progress: JSON values.
    """

    best: dict[str, Tensor]
    random: dict[str, Tensor]
    progress: dict[str, Any]


def save_checkpoint(
    path: Path,
    *,
    modules: nn.Module,
    optimizer: torch.optim.Optimizer,
    random: Mapping[str, Tensor],
    best: Mapping[str, Tensor],
    progress: Mapping[str, Any],
    fingerprint: str,
) -> None:
    """Write a checkpoint folder in one step, replacing the last.

    Args:
        path: the folder.
        modules: what is trained.
        optimizer: its moments are kept.
        random: states of generators by name.
        best: parameters of the best epoch so far.
        progress: JSON values: where training stands.
        fingerprint: of job and data; a checkpoint of another is refused.

    Raises:
        ArtefactError: it cannot be written, as on a full disk; the last one is still there.
    """
    tensors = {f"module.{name}": value for name, value in modules.state_dict().items()}
    tensors |= {f"best.{name}": value for name, value in best.items()}
    tensors |= {f"random.{name}": value for name, value in random.items()}
    state = optimizer.state_dict()
    for index, moments in state["state"].items():
        for name, value in moments.items():
            tensors[f"optimizer.{index}.{name}"] = torch.as_tensor(value)
    tensors = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    try:
        with write_folder(path, "checkpoint", fingerprint=fingerprint) as aside:
            save_file(tensors, aside / STATE)
            write_json(aside / PROGRESS, {**progress, "groups": _plain(state["param_groups"])})
    except ArtefactError:
        raise
    except (OSError, SafetensorError) as error:
        needed = sum(value.nbytes for value in tensors.values())
        last = "the last one stays" if path.is_dir() else "there is none yet"
        raise ArtefactError(
            f"{path}: a checkpoint of {needed:,} bytes cannot be written ({_reason(error)}; "
            f"{shutil.disk_usage(path.parent).free:,} bytes are free); {last}: make room, and the "
            "same command goes on"
        ) from None


def load_checkpoint(
    path: Path,
    *,
    modules: nn.Module,
    optimizer: torch.optim.Optimizer,
    fingerprint: str,
) -> Checkpoint:
    """Restore what `save_checkpoint` wrote.

    Raises:
        ArtefactError: the folder is damaged.
        FingerprintError: it belongs to another job, graph or feature matrix.
    """
    manifest = read_manifest(path, "checkpoint")
    if manifest["fingerprint"] != fingerprint:
        raise FingerprintError(
            f"{path} belongs to another job or graph; use --fresh to start over, or another --out"
        )
    tensors = load_file(path / STATE)
    progress: dict[str, Any] = read_json(path / PROGRESS)
    modules.load_state_dict(_under("module.", tensors))
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in _under("optimizer.", tensors).items():
        index, moment = name.split(".", 1)
        state.setdefault(int(index), {})[moment] = value
    try:
        optimizer.load_state_dict({"state": state, "param_groups": progress.pop("groups")})
    except (KeyError, ValueError) as error:
        raise ArtefactError(f"{path} is damaged: {error}") from None
    return Checkpoint(
        best=_under("best.", tensors), random=_under("random.", tensors), progress=progress
    )


def remove_leftovers(*paths: Path) -> None:
    """Remove what a process that was killed while it wrote these left beside them."""
    for path in paths:
        for aside in path.parent.glob(f".{glob.escape(path.name)}.*"):
            if aside.is_dir() and aside.suffix != ".old":  # that one is put back
                shutil.rmtree(aside, ignore_errors=True)
            elif aside.is_file():
                aside.unlink(missing_ok=True)


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name[len(prefix) :]: t for name, t in tensors.items() if name.startswith(prefix)}


def _plain(groups: list[dict[str, Any]]) -> Any:
    return json.loads(json.dumps(groups))


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


def copy_weights(module: nn.Module) -> dict[str, Tensor]:
    """Return a module's parameters and buffers as they are now, on the CPU."""
    return {name: value.detach().cpu().clone() for name, value in module.state_dict().items()}
