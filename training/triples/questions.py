"""Questions (entity, relation, ?) of training triples, each with all its answers."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from training.triples.ranks import IntArray, both_ways


@dataclass(frozen=True, eq=False)
class Questions:
    """Distinct questions, both ways; a triple is one answer to each of two.

    Attributes:
        entity: that is asked about, int64 `[num_questions]`.
        relation: reciprocal from `num_relations` on, int64 `[num_questions]`.
        count: answers of each, int64 `[num_questions]`.
        first: where they start in `answer`, int64 `[num_questions]`.
        answer: entities, by question, int64 `[2 num_triples]`.
    """

    entity: Tensor
    relation: Tensor
    count: Tensor
    first: Tensor
    answer: Tensor

    @classmethod
    def of(cls, triples: IntArray, num_relations: int) -> "Questions":
        """Group triples by question."""
        asked = both_ways(triples, num_relations)
        asked = asked[np.lexsort((asked[:, 2], asked[:, 1], asked[:, 0]))]
        keys = asked[:, 0] * (2 * num_relations) + asked[:, 1]
        _, first, count = np.unique(keys, return_index=True, return_counts=True)
        columns = (asked[first, 0], asked[first, 1], count, first, asked[:, 2])
        return cls(*(torch.from_numpy(np.ascontiguousarray(column)) for column in columns))

    def __len__(self) -> int:
        return len(self.entity)

    def answers(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Return every answer to the questions at `rows`.

        Returns:
            Position in `rows` of each answer, and the entity; both `[num_answers]`.
        """
        count = self.count[rows]
        position = torch.repeat_interleave(torch.arange(len(rows)), count)
        offset = torch.arange(len(position)) - (count.cumsum(0) - count)[position]
        return position, self.answer[self.first[rows][position] + offset]
