"""Similar texts, by item of the user's history."""

from collections.abc import Iterator

import numpy as np

from kg.graph import FloatArray
from kg.vocab import IntArray
from queries.explaining.strands import Asker, Strands, Values
from training.ranking.new_items import NewItems
from training.ranking.texts import means_of_domains
from training.ranking.world import World


class Texts:
    """Nearness of texts (`training.ranking.texts`): a cosine with a mean is a mean of products.

    Args:
        world: what the model has learned from.
        new: items that it has not learned from.
    """

    def __init__(self, world: World, new: NewItems | None) -> None:
        self._world, self._new = world, new
        self._pool = world.split.train.item_mask(world.split.target)
        share, means = means_of_domains(world)
        self._vectors = {
            "text": world.text,
            "text, whitened": world.channel,
            "text, centred": world.text - share @ means,
        }
        self._mean = {name: rows[self._pool].mean(axis=0) for name, rows in self._vectors.items()}
        self._all = world.text
        self._more: dict[str, FloatArray] = {}
        if new is not None:
            self._all = np.concatenate([world.text, new.text])
            centred = new.text - new.share @ means
            more = (new.text, new.channel, centred)
            self._more = dict(zip(self._vectors, more, strict=True))

    def cosines(self, items: IntArray, item: int) -> Values:
        """Return how near items lie to one in text."""
        cosines: Values = (self._all[items] @ self._all[item]).astype(np.float64)
        return cosines

    def _vector(self, name: str, item: int) -> FloatArray:
        known = len(self._world.text)
        rows = self._vectors if item < known else self._more
        vector: FloatArray = rows[name][item if item < known else item - known]
        return vector

    def strands(self, asker: Asker, item: int) -> Iterator[tuple[str, list[Strands]]]:
        """Divide signals by name, cosines less those of a mean item of the target."""
        own = asker.history
        for name, vectors in self._vectors.items():
            length = max(float(np.linalg.norm(vectors[own].sum(axis=0))), 1e-9)
            differs = self._vector(name, item) - self._mean[name]
            yield name, [_texts(own, vectors[own] @ differs / length)]
        if self._world.split.protocol != "item-cold" or not len(own):
            return
        channel = self._world.channel
        cosine = channel[own] @ self._vector("text, whitened", item)
        nearest = np.zeros(len(own))
        usual = (channel[own] @ channel[self._pool].T).max(axis=0).mean()
        nearest[int(np.argmax(cosine))] = cosine.max() - usual
        yield "nearest of history", [_texts(own, nearest)]
        yield "near history", [_texts(own, np.maximum(cosine, 0) ** 4)]
        near, similarity = self._near(item)
        there = (near >= 0) & (similarity > 0)
        words = np.zeros(len(self._world.text))
        np.add.at(words, near[there], similarity[there].astype(np.float32) ** 4)
        yield "near words", [_texts(own, words[own])]

    def _near(self, item: int) -> tuple[IntArray, FloatArray]:
        known = len(self._world.text)
        if item < known:
            return self._world.near[item], self._world.similarity[item]
        assert self._new is not None
        return self._new.near[item - known], self._new.similarity[item - known]


def _texts(own: IntArray, adds: Values) -> Strands:
    kept = adds != 0
    return Strands(kind="text", own=own[kept], adds=adds[kept].astype(np.float64))
