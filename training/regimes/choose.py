"""Which regime a job is trained by: the one it names, or the first that fits the memory."""

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from gnn.decoupled.paths import can_decouple, count_metapaths
from gnn.decoupled.terms import Terms
from gnn.model import TransferGNN
from gnn.views import GraphView
from kg.errors import ConfigError
from training.config import JobConfig
from training.memory import room
from training.regimes import estimates
from training.regimes.scratch import Scratch

FILE = "regime.json"  # beside the checkpoints
MOST_PATHS = 256  # metapaths that are read in every step
LEAST_BLOCK, MOST_BLOCK = 1 << 26, 1 << 29  # bytes of coordinates that are carried at once


@dataclass(frozen=True, kw_only=True)
class Choice:
    """How a model is trained, and why.

    Attributes:
        regime: "full", "decoupled" or "sampled".
        second_stage: whether its memory is there too.
        bytes: estimated, of every regime that can be taken and of the second stage.
        disk: bytes of files of the decoupled regime; 0 where it cannot be taken.
        room: bytes that there were.
        line: all of it in words.
    """

    regime: str
    second_stage: bool
    bytes: Mapping[str, int]
    disk: int
    room: int
    line: str

    @property
    def block_bytes(self) -> int:
        """Bytes of coordinates that are carried at once."""
        return block_bytes(self.room)


def choose(
    job: JobConfig,
    protocol: str,
    model: TransferGNN,
    graph: GraphView,
    x: Mapping[str, Mapping[str, Tensor]],
    device: torch.device,
    scratch: Path | None = None,
    among: int = 1,
) -> Choice:
    """Return the regime of `training.regime`, or under "auto" the first that fits.

    "full" comes before "decoupled" and that before "sampled", which is taken too where nothing
    fits: it is as small as `training.batch_size` and `training.fan_out` make it.

    Args:
        job: settings.
        protocol: of the split.
        model: the network.
        graph: its graph.
        x: channels by node type and name.
        device: whose memory counts.
        scratch: folder for what is kept on disk; None for that of temporary files.
        among: processes of this machine that train.

    Raises:
        ConfigError: the job names a regime that its network or graph cannot be trained by.
    """
    config = job.training
    sizes = estimates.Sizes.of(model, graph, config.batch_size, config.negatives)
    there = room(config.memory, device, among)
    found = {"full": estimates.full(sizes)}
    against, disk = _why_not(job, model, graph), 0
    if not against:
        disk = Terms(model, graph, x, Scratch(scratch)).bytes + 3 * sizes.embeddings
        found["decoupled"] = estimates.decoupled(sizes, block_bytes(there))
        free = shutil.disk_usage(_existing(scratch)).free
        if disk > 0.9 * free:
            against = f"{_size(disk)} do not fit on the disk, which has {_size(free)}"
    if config.regime == "decoupled" and against:
        raise ConfigError(f'training.regime = "decoupled": {against}')
    found["sampled"] = estimates.sampled(sizes, config.fan_out, block_bytes(there))
    fits = [name for name, size in found.items() if size <= there]
    fits = [name for name in fits if name != "decoupled" or not against]
    regime, why = str(config.regime), "as the job says"
    if regime == "auto" and fits:
        regime, why = fits[0], "the first that fits"
    elif regime == "auto":
        regime, why = "sampled", "as nothing fits: a smaller training.batch_size takes less"
    channels = sum(rows.numel() * rows.element_size() for of in x.values() for rows in of.values())
    second = estimates.second_stage(sizes, channels, dense=protocol == "warm")
    fits_second = second <= (there if device.type == "cpu" else room("auto", torch.device("cpu")))
    words = _words(f"{regime}, {why}", found, disk, there)
    if job.ranking.folds:
        found["second stage"] = second
        if not fits_second:
            words += f"; first stage alone, as the second would take about {_size(second)}"
    return Choice(
        regime=regime,
        second_stage=fits_second,
        bytes=found,
        disk=disk,
        room=there,
        line=words,
    )


def block_bytes(there: int) -> int:
    """Return how much of `there` is for coordinates that are carried at once."""
    return min(max(there // 8, LEAST_BLOCK), MOST_BLOCK)


def _why_not(job: JobConfig, model: TransferGNN, graph: GraphView) -> str:
    """Return why a network cannot be decoupled, empty if it can."""
    if not can_decouple(model):
        return f'model.convolution = "{job.model.convolution}" is not linear: "light" is'
    if not job.training.spectral_start:
        return "item vectors stand still, so that training.spectral_start must be true"
    paths = count_metapaths(model, graph)
    if paths > MOST_PATHS:
        return f"the graph has {paths:,} metapaths, more than {MOST_PATHS}"
    return ""


def _words(chosen: str, found: Mapping[str, int], disk: int, there: int) -> str:
    """Return the choice as a line."""
    files = {"decoupled": f" and {_size(disk)} on disk"}
    sizes = [f"{name} {_size(size)}{files.get(name, '')}" for name, size in found.items()]
    return f"training: {chosen} (about {', '.join(sizes)}; there are {_size(there)})"


def _existing(folder: Path | None) -> Path:
    folder = (folder or Path(tempfile.gettempdir())).resolve()
    return next(each for each in (folder, *folder.parents) if each.exists())


def _size(number: int) -> str:
    return f"{number / 1e9:,.1f} GB"
