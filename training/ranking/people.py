"""Users that nothing was learned from, as signals are asked for them."""

from dataclasses import dataclass

from training.baselines.base import FloatArray
from training.baselines.matrices import (
    Sparse,
    history_mask,
    keep_columns,
    normalise_rows,
    scale_columns,
    source_mask,
)
from training.ranking.world import World


@dataclass(frozen=True, kw_only=True, eq=False)
class People:
    """What they did, as the world that they come to reads it; they change nothing in it.

    Attributes:
        history: interactions with every domain that takes part, 0/1 CSR `[num_people, num_items]`.
        own: those of them that neighbours are found by: of the sources alone for cold users.
        profile: what a user is compared by (`World.profile`).
        z: embeddings, as the network's user rows, float32 `[num_people, width]`.
    """

    history: Sparse
    own: Sparse
    profile: Sparse
    z: FloatArray

    @classmethod
    def of(cls, world: World, used: Sparse, z: FloatArray) -> "People":
        """Return people who used something.

        Args:
            world: where they come to; it has not seen them.
            used: their interactions, 0/1 CSR float32 `[num_people, num_items]`.
            z: their embeddings.
        """
        split = world.split
        history = keep_columns(used, history_mask(split))
        own = history
        if split.protocol == "user-cold":
            own = keep_columns(used, source_mask(split))
        compared = own if not split.shots else history
        profile = normalise_rows(scale_columns(compared, world.rarity))
        return cls(history=history, own=own, profile=profile, z=z)
