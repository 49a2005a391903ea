"""The second stage: a weighted sum of signals, with weights that put what was hidden on top."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:  # whoever only scores does without torch
    import torch
    from torch import Tensor

FloatArray = npt.NDArray[np.float32]
MOST_POSITIVES = 40  # of a list
LISTS = 400  # a step
PULL = 1e-3  # towards the prior


@dataclass(frozen=True, eq=False)
class Ranked:
    """One simulated cold start: signals of candidates, those that were hidden first.

    Attributes:
        signals: float32 `[num_candidates, num_signals]`.
        num_hidden: how many of the first rows are right.
        stands_for: how many candidates each row stands for: 1, or more where others like it were
            left out; float32 `[num_candidates]`.
    """

    signals: FloatArray
    num_hidden: int
    stands_for: FloatArray


@dataclass(frozen=True, eq=False)
class Ranker:
    r"""A weighted sum over signals $x_m$, plain and squashed.

    $$s = \sum_m a_m x_m + b_m \,\mathrm{sign}(x_m) \ln(1 + 3 |x_m|)$$

    Attributes:
        names: of the signals.
        weights: $a$ then $b$, float32 `[2 num_signals]`.
    """

    names: tuple[str, ...]
    weights: FloatArray

    def by_name(self) -> dict[str, tuple[float, float]]:
        """Return $a$ and $b$ of every signal."""
        plain, squashed = np.split(self.weights.astype(float), 2)
        pairs = zip(plain.tolist(), squashed.tolist(), strict=True)
        return dict(zip(self.names, pairs, strict=True))

    def score(self, signals: Mapping[str, FloatArray]) -> FloatArray:
        """Return scores of the shape of each signal; a signal that is missing counts as zero."""
        total: FloatArray | None = None
        plain, squashed = np.split(self.weights, 2)
        for name, a, b in zip(self.names, plain, squashed, strict=True):
            if name not in signals:
                continue
            x = signals[name]
            part = a * x + b * _squash(x)
            total = part if total is None else total + part
        if total is None:
            raise ValueError(f"none of the signals {', '.join(self.names)} is there")
        return total

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {name: list(pair) for name, pair in self.by_name().items()}

    @classmethod
    def from_json(cls, values: Mapping[str, Sequence[float]]) -> "Ranker":
        """Return what `to_json` described."""
        pairs = np.array(list(values.values()), dtype=np.float32).reshape(-1, 2)
        return cls(tuple(values), np.ascontiguousarray(pairs.T).ravel())


def prior(names: Sequence[str], weights: Mapping[str, float]) -> Ranker:
    """Return a ranker with given weights on plain signals and none on squashed ones."""
    plain = np.array([weights.get(name, 0.0) for name in names], dtype=np.float32)
    return Ranker(tuple(names), np.concatenate([plain, np.zeros_like(plain)]))


def fit_ranker(
    lists: Sequence[Ranked],
    start: Ranker,
    *,
    steps: int,
    learning_rate: float,
    generator: "torch.Generator",
) -> Ranker:
    r"""Learn weights that maximise a smooth NDCG over the lists, in the mean over lists.

    $$\frac{1}{Z} \sum_{i\ \mathrm{hidden}} \frac{1}{\log_2(1 + r_i)}, \qquad
    r_i = \tfrac12 + \sum_j n_j\, \sigma\!\left(\frac{s_j - s_i}{\tau}\right)$$

    (ApproxNDCG; Qin, Liu & Li 2010.) $n_j$ is what a candidate stands for, $\tau = 1/2$. The
    likelihood of a softmax over candidates found better means of ranks and worse first places.

    Args:
        lists: of simulated cold nodes, at least one.
        start: where weights begin, and what a small pull keeps them near.
        steps: of Adam, on random lists, with a cosine schedule.
        learning_rate: in units of a standardised signal.
        generator: which lists.
    """
    import torch

    x, stands_for, hidden = _pack(lists)
    x = torch.cat([x, x.sign() * (3 * x.abs()).log1p()], dim=-1)
    spread = x[stands_for > 0].std(dim=0, correction=0).clamp(min=1e-3)
    begin = torch.from_numpy(start.weights) * spread
    weights = begin.clone().requires_grad_(True)
    optimizer = torch.optim.Adam([weights], lr=learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, max(steps, 1))
    discounts = 1 / torch.log2(torch.arange(MOST_POSITIVES, dtype=torch.float32) + 2)
    ideal = (discounts[: hidden.shape[1]] * hidden).sum(dim=1).clamp(min=1e-9)
    for _ in range(steps):
        rows = torch.randperm(len(x), generator=generator)[:LISTS]
        gain = _smooth_ndcg(x[rows] / spread @ weights, stands_for[rows], hidden[rows], ideal[rows])
        loss = PULL * (weights - begin).square().mean() - gain
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
    return Ranker(start.names, (weights.detach() / spread).numpy())


def _smooth_ndcg(
    scores: "Tensor", stands_for: "Tensor", hidden: "Tensor", ideal: "Tensor"
) -> "Tensor":
    positives = scores[:, : hidden.shape[1]]
    ahead = ((scores[:, None, :] - positives[:, :, None]) / 0.5).sigmoid()
    ranks = 0.5 + (ahead * stands_for[:, None, :]).sum(dim=-1)
    gains = hidden / (1 + ranks).log2()
    return (gains.sum(dim=1) / ideal).mean()


def _pack(lists: Sequence[Ranked]) -> tuple["Tensor", "Tensor", "Tensor"]:
    """Return signals, what rows stand for (0: padding), and which of the first rows are hidden."""
    import torch

    longest = max(len(one.signals) for one in lists)
    most = min(max(one.num_hidden for one in lists), MOST_POSITIVES)
    x = torch.zeros(len(lists), longest, lists[0].signals.shape[1])
    stands_for, hidden = torch.zeros(len(lists), longest), torch.zeros(len(lists), most)
    for row, one in enumerate(lists):
        x[row, : len(one.signals)] = torch.from_numpy(one.signals)
        stands_for[row, : len(one.signals)] = torch.from_numpy(one.stands_for)
        hidden[row, : min(one.num_hidden, most)] = 1
    return x, stands_for, hidden


def _squash(x: FloatArray) -> FloatArray:
    squashed: FloatArray = np.sign(x) * np.log1p(3 * np.abs(x))
    return squashed
