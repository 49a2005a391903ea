"""Where the network starts: singular vectors of interactions, principal components of texts."""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from gnn.fusion import NodeInput
from gnn.model import TransferGNN
from gnn.spectral import principal_texts, spectral_items

IntArray = npt.NDArray[np.int64]
SPECTRAL_SCALE = 2.4  # length of an item's spectral part: first scores then spread as trained ones
TEXT_SCALE = 1.2  # length of its text part
POPULARITY_SCALE = 0.3  # of log popularity, the first item bias


def start_from_data(
    model: TransferGNN,
    x: dict[str, Tensor],
    users: IntArray,
    items: IntArray,
    *,
    num_users: int,
    width: int,
    seed: int,
) -> None:
    """Set the network to what two linear methods know, so that training only has to improve it.

    The first `width` coordinates of item residuals become singular vectors of the interactions
    (`gnn.spectral`), the others principal components of the item features, and item biases a share
    of log popularity. Hops and decoder are diagonal, so that the two parts stay apart until
    training mixes them: untrained scores are a low-rank neighbourhood model, plus the cosine of a
    user's text profile and the item's text, plus popularity.

    Args:
        model: fresh from its constructor.
        x: features by node type.
        users: rows of training interactions.
        items: rows of the same.
        num_users: number of users.
        width: coordinates of the first part.
        seed: of the randomised SVD.
    """
    item_input = model.inputs[model.names[model.item_type]]
    if not isinstance(item_input, NodeInput) or item_input.residual is None:
        raise TypeError("items must have a residual")
    num_items, total = item_input.residual.shape
    counts = np.bincount(items, minlength=num_items)
    with torch.no_grad():
        vectors = spectral_items(users, items, num_users, num_items, width, seed)
        item_input.residual[:, :width] = torch.from_numpy(vectors) * SPECTRAL_SCALE
        popularity = torch.from_numpy(np.log(np.maximum(counts, 1))).float()
        model.item_bias.copy_(POPULARITY_SCALE * (popularity - popularity.mean()))
        if model.item_type not in x or total == width:
            return
        mean, components = principal_texts(x[model.item_type].numpy(), total - width, seed)
        weight = torch.from_numpy(components) * TEXT_SCALE
        for layer in model.inputs.values():
            if isinstance(layer, NodeInput) and layer.project is not None:
                layer.project.weight.zero_()
                layer.project.bias.zero_()
                # other types may have other numeric columns behind the text
                shared = min(layer.project.in_features, weight.shape[1])
                layer.project.weight[width:, :shared] = weight[:, :shared]
                layer.project.bias[width:] = -weight[:, :shared] @ torch.from_numpy(mean[:shared])
