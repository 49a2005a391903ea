"""Where the network starts: singular vectors of interactions, principal components of channels."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from gnn.fusion import HISTORY, NodeInput
from gnn.model import TransferGNN
from gnn.spectral import principal_texts, spectral_items

IntArray = npt.NDArray[np.int64]
TEXT = "text"  # the channel whose space histories lie in
SHARED = (TEXT, "image")  # channels in which all node types are measured alike
SPECTRAL_SCALE = 2.4  # length of an item's spectral part: first scores then spread as trained ones
TEXT_SCALE = 1.2  # length of its text part
POPULARITY_SCALE = 0.3  # of log popularity, the first item bias


def start_from_data(
    model: TransferGNN,
    x: Mapping[str, Mapping[str, Tensor]],
    users: IntArray,
    items: IntArray,
    *,
    num_users: int,
    width: int,
    seed: int,
) -> None:
    """Set the network to what two linear methods know, so that training only has to improve it.

    The first `width` coordinates of item residuals become singular vectors of the interactions
    (`gnn.spectral`), the others principal components of the item's channels side by side, and item
    biases a share of log popularity. Hops and decoder are diagonal, so that the two parts stay
    apart until training mixes them: untrained scores are a low-rank neighbourhood model, plus the
    cosine of a user's text profile and the item's text, plus popularity.

    Texts and images of other node types, and histories of users, start with the components of the
    items. Other channels of theirs have nothing to start from, and start at zero.

    Args:
        model: fresh from its constructor.
        x: channels by node type and name.
        users: rows of training interactions.
        items: rows of the same.
        num_users: number of users.
        width: coordinates of the first part.
        seed: of the randomised SVD.
    """
    item_input = model.node_input(model.item_type)
    if item_input.residual is None:
        raise TypeError("items must have a residual")
    num_items, total = item_input.residual.shape
    counts = np.bincount(items, minlength=num_items)
    with torch.no_grad():
        vectors = spectral_items(users, items, num_users, num_items, width, seed)
        item_input.residual[:, :width] = torch.from_numpy(vectors) * SPECTRAL_SCALE
        popularity = torch.from_numpy(np.log(np.maximum(counts, 1))).float()
        model.item_bias.copy_(POPULARITY_SCALE * (popularity - popularity.mean()))
        if not x.get(model.item_type) or total == width:
            return
        components = _components(x[model.item_type], total - width, seed)
        for node_type in model.names:
            _start(model.node_input(node_type), components, node_type == model.item_type, width)


def _components(x: Mapping[str, Tensor], width: int, seed: int) -> dict[str, tuple[Tensor, Tensor]]:
    """Return each channel's share of the principal components of all of them, and its mean.

    A node that lacks a channel counts as average there; one that has none is left out.
    """
    parts = []
    for rows in (tensor.numpy() for tensor in x.values()):
        known = np.asarray((rows != 0).any(axis=1, keepdims=True))
        mean = rows[known[:, 0]].mean(axis=0) if known.any() else np.zeros_like(rows[0])
        parts.append((rows, known, mean))
    some = np.any([known for _, known, _ in parts], axis=0)
    filled = [np.where(known | ~some, rows, mean) for rows, known, mean in parts]
    mean, directions = principal_texts(np.concatenate(filled, axis=1), width, seed)
    ends = np.cumsum([rows.shape[1] for rows, _, _ in parts])[:-1]
    return {
        channel: (torch.from_numpy(weight) * TEXT_SCALE, torch.from_numpy(center))
        for channel, weight, center in zip(
            x, np.split(directions, ends, axis=1), np.split(mean, ends), strict=True
        )
    }


def _start(
    layer: NodeInput, components: Mapping[str, tuple[Tensor, Tensor]], of_items: bool, width: int
) -> None:
    for channel, name in layer.names.items():
        project = layer.project[name]
        assert isinstance(project, nn.Linear)
        source = TEXT if channel.startswith(HISTORY) else channel
        found = components.get(source) if of_items or source in SHARED else None
        if found is not None and found[0].shape[1] != project.in_features:
            found = None
        if found is None and channel.startswith(HISTORY):
            continue  # behind a gate of 0, a projection of 0 would never have a gradient
        project.weight.zero_()
        project.bias.zero_()
        if found is not None:
            weight, mean = found
            project.weight[width:] = weight
            project.bias[width:] = -weight @ mean
