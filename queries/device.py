"""The best items of a block of users, found by torch on a device."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from kg.errors import InputError
from kg.graph import FloatArray
from kg.vocab import IntArray

Best = tuple[FloatArray, IntArray]
Search = Callable[[FloatArray, tuple[IntArray, IntArray], int], Best]


def torch_search(device: str) -> Callable[[FloatArray, FloatArray, Any], Search]:
    """Return what `queries.candidates.top_k` searches a block of items with, on a device.

    Raises:
        InputError: there is no such device.
    """
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"device {device!r} cannot be used: {reason}") from None

    def there(array: npt.NDArray[Any]) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(device)

    def search(item_z: FloatArray, bias: FloatArray, sizes: Any) -> Search:
        del sizes
        items, biases = there(item_z), there(bias)
        # `topk` takes any of equals. So a score and its column become one integer: the float32's
        # bits, made to grow with its value, above the complement of the column.
        complement = 0xFFFFFFFF - torch.arange(len(items), device=device)

        def best(user_z: FloatArray, hidden: tuple[IntArray, IntArray], k: int) -> Best:
            block = (there(user_z) @ items.T).add_(biases)
            block[there(hidden[0]), there(hidden[1])] = -torch.inf
            bits = block.add(0.0).view(torch.int32)  # -0.0 becomes 0.0
            bits ^= (bits >> 31) & 0x7FFFFFFF
            keys = (bits.long() << 32) | complement
            largest = keys.topk(min(k, keys.shape[1]), dim=1, sorted=False).values
            places = (0xFFFFFFFF - (largest & 0xFFFFFFFF)).sort(dim=1).values
            return block.gather(1, places).cpu().numpy(), places.cpu().numpy()

        return best

    return search
