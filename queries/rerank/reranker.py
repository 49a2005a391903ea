"""The best candidates of a recommender in the order of its scores and a model's values, mixed."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kg.errors import InputError
from kg.graph import FloatArray
from queries.llm.base import Cost
from queries.recommender import Recommender
from queries.rerank.base import Orderer, described, history_of
from queries.rerank.kept import KeptValues, key_of

WEIGHT = 0.3


@dataclass(frozen=True, kw_only=True, eq=False)
class Reranked:
    """An answer in its new order.

    Attributes:
        order: places in the old order, best first, `[num_items]`.
        scores: mixed, in standard deviations; higher is better, `[num_items]`.
        cost: of what the model was asked; nothing where all was known.
    """

    order: npt.NDArray[np.int64]
    scores: FloatArray
    cost: Cost


class Reranker:
    """Orders candidates by `(1 - weight) * score + weight * value`.

    Both are standardised over the candidates: less their mean, by their standard deviation.

    Args:
        recommender: whose graph has titles and texts.
        orderer: gives the values.
        weight: from 0, the scores alone, to 1, the values alone.
        kept: where values are kept; None for nowhere.

    Raises:
        InputError: `weight` is not from 0 to 1.
    """

    def __init__(
        self,
        recommender: Recommender,
        orderer: Orderer,
        *,
        weight: float = WEIGHT,
        kept: KeptValues | None = None,
    ) -> None:
        if not 0 <= weight <= 1:
            raise InputError(f"weight = {weight}: expected 0 to 1")
        self._recommender, self._orderer = recommender, orderer
        self._weight, self._kept = weight, kept

    def rerank(self, user_id: str, item_ids: Sequence[str], scores: FloatArray) -> Reranked:
        """Return a user's candidates in their new order.

        Args:
            user_id: whose; its history is told to the model, its id is not.
            item_ids: candidates, best first, `[num_items]`.
            scores: theirs, `[num_items]`.

        Raises:
            UnknownIdError: a user or item is unknown.
            EndpointError: an endpoint cannot be reached, or refuses.
        """
        values, cost = self.values(user_id, list(item_ids))
        mixed = mix(scores, values, self._weight)
        order = np.argsort(-mixed, kind="stable")
        return Reranked(order=order, scores=mixed[order].astype(np.float32), cost=cost)

    def values(self, user_id: str, item_ids: Sequence[str]) -> tuple[list[float], Cost]:
        """Return the model's value of each item for a user, and what was paid for them."""
        if not item_ids:
            return [], Cost()
        history = history_of(self._recommender, user_id)
        items = described(self._recommender, item_ids)
        about = [self._orderer.fingerprint, *history]
        if self._orderer.together:
            keys = [key_of(*about, "\0", *items)]
        else:
            keys = [key_of(*about, "\0", item) for item in items]
        known = {} if self._kept is None else self._kept.get(keys)
        if self._orderer.together:
            if len(known.get(keys[0], ())) == len(items):
                return known[keys[0]], Cost()
            found, cost = self._orderer.values(history, items)
            new = {keys[0]: found}
        else:
            missing = [place for place, key in enumerate(keys) if len(known.get(key, ())) != 1]
            found, cost = [], Cost()
            if missing:
                found, cost = self._orderer.values(history, [items[place] for place in missing])
            new = {keys[place]: [value] for place, value in zip(missing, found, strict=True)}
            found = [(known | new)[key][0] for key in keys]
        if self._kept is not None and new:
            self._kept.put(new)
        return found, cost


def orderer_of(
    model: str, *, endpoint: str | None = None, endpoint_key: str = "", device: str | None = None
) -> Orderer:
    """Return what orders: yes or no to each item on this machine, a list behind an endpoint.

    Args:
        model: name or folder, or what the endpoint calls it.
        endpoint: URL of a chat endpoint, up to and with `/v1`; None for this machine.
        endpoint_key: name of the environment variable that holds its key; empty for none.
        device: of a model on this machine; None for CUDA where there is any.

    Raises:
        ConfigError: no such model, endpoint or key.
        ArtefactError: the files of a model are no safetensors, or damaged.
    """
    # Imported where they are used: torch takes seconds, and an endpoint needs none.
    if endpoint is not None:
        from queries.llm.endpoint import EndpointModel
        from queries.rerank.listwise import Listwise

        return Listwise(EndpointModel(endpoint, model, key=endpoint_key))
    from queries.llm.local import LocalModel
    from queries.rerank.yes_no import YesNo

    return YesNo(LocalModel(model, device=device or "auto"))


def mix(
    scores: npt.NDArray[np.floating], values: Sequence[float], weight: float
) -> npt.NDArray[np.float64]:
    """Return `(1 - weight) * scores + weight * values`, both standardised; `[num_items]`."""
    return (1 - weight) * _standard(scores) + weight * _standard(values)


def _standard(values: npt.ArrayLike) -> npt.NDArray[np.float64]:
    array = np.asarray(values, dtype=np.float64)
    spread = array.std() if len(array) else 0.0
    return (array - array.mean()) / spread if spread > 0 else np.zeros_like(array)
