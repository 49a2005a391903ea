"""Everything a training run needs to go on as if it had never stopped."""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from kg.errors import ArtefactError, FingerprintError
from kg.files import read_json, read_manifest, write_folder, write_json

STATE = "state.safetensors"


def save_checkpoint(
    path: Path,
    *,
    modules: nn.Module,
    optimizer: torch.optim.Optimizer,
    generator: torch.Generator,
    best: dict[str, Tensor],
    progress: dict[str, Any],
    fingerprint: str,
) -> None:
    """Write a checkpoint folder in one step, replacing the last.

    Args:
        path: the folder.
        modules: what is trained.
        optimizer: its moments are kept.
        generator: its state is kept.
        best: parameters of the best epoch so far.
        progress: JSON values: epoch, best score, epochs since.
        fingerprint: of job and data; a checkpoint of another is refused.
    """
    tensors = {f"module.{name}": value for name, value in modules.state_dict().items()}
    tensors |= {f"best.{name}": value for name, value in best.items()}
    tensors["generator"] = generator.get_state()
    state = optimizer.state_dict()
    for index, moments in state["state"].items():
        for name, value in moments.items():
            tensors[f"optimizer.{index}.{name}"] = torch.as_tensor(value)
    with write_folder(path, "checkpoint", fingerprint=fingerprint) as aside:
        save_file(
            {name: value.detach().cpu().contiguous() for name, value in tensors.items()},
            aside / STATE,
        )
        write_json(aside / "progress.json", {**progress, "groups": _plain(state["param_groups"])})


def load_checkpoint(
    path: Path,
    *,
    modules: nn.Module,
    optimizer: torch.optim.Optimizer,
    generator: torch.Generator,
    fingerprint: str,
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Restore what `save_checkpoint` wrote.

    Returns:
        Parameters of the best epoch, and the progress record.

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
    progress: dict[str, Any] = read_json(path / "progress.json")
    modules.load_state_dict(_under("module.", tensors))
    generator.set_state(tensors["generator"])
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in _under("optimizer.", tensors).items():
        index, moment = name.split(".", 1)
        state.setdefault(int(index), {})[moment] = value
    try:
        optimizer.load_state_dict({"state": state, "param_groups": progress.pop("groups")})
    except (KeyError, ValueError) as error:
        raise ArtefactError(f"{path} is damaged: {error}") from None
    return _under("best.", tensors), progress


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name[len(prefix) :]: t for name, t in tensors.items() if name.startswith(prefix)}


def _plain(groups: list[dict[str, Any]]) -> Any:
    return json.loads(json.dumps(groups))


def copy_weights(module: nn.Module) -> dict[str, Tensor]:
    """Return a module's parameters and buffers as they are now, on the CPU."""
    return {name: value.detach().cpu().clone() for name, value in module.state_dict().items()}
