"""Nodes of each domain before and after training, in two dimensions."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from training.evaluation.metrics import FloatArray

MAX_POINTS = 1_000  # of each domain


def project(
    before: Mapping[str, npt.ArrayLike],
    after: Mapping[str, npt.ArrayLike],
    rng: np.random.Generator,
) -> dict[str, dict[str, list[list[float]]]]:
    """Return nodes of each domain before and after training in 2-D, by principal components.

    Each of the two spaces has its own components, those of all sampled nodes of all domains. A
    domain that has as many nodes in both shows the same nodes in both.

    Args:
        before: vectors `[num_nodes, dim]` by domain; a zero row is a node that is not there.
        after: vectors `[num_nodes, width]` by domain.
        rng: chooses which nodes are shown where a domain has more than `MAX_POINTS`.

    Returns:
        `{"before": {domain: [[x, y], ...]}, "after": ...}`, ready for JSON.
    """
    chosen: dict[tuple[str, int], npt.NDArray[np.int64]] = {}
    projected: dict[str, dict[str, list[list[float]]]] = {}
    for when, vectors in (("before", before), ("after", after)):
        sampled = {}
        for domain in sorted(vectors):
            rows = np.asarray(vectors[domain])
            there = np.flatnonzero(rows.any(axis=1))
            key = (domain, len(there))
            if key not in chosen:
                size = min(MAX_POINTS, len(there))
                chosen[key] = np.sort(rng.choice(len(there), size, replace=False))
            sampled[domain] = rows[there[chosen[key]]].astype(np.float64)
        projected[when] = _principal(sampled)
    return projected


def _principal(vectors: Mapping[str, FloatArray]) -> dict[str, list[list[float]]]:
    from sklearn.decomposition import PCA

    parts = [rows for rows in vectors.values() if len(rows)]
    if not parts:
        return {domain: [] for domain in vectors}
    everything = np.concatenate(parts)
    count = min(2, *everything.shape)
    # Two rows that are equal have no variance to explain, so that the ratio would be 0 / 0.
    with np.errstate(invalid="ignore", divide="ignore"):
        pca = PCA(count, svd_solver="full").fit(everything)
    found = {}
    for domain, rows in vectors.items():
        places = np.zeros((len(rows), 2))
        if len(rows):
            places[:, :count] = pca.transform(rows)
        found[domain] = np.round(places, 4).tolist()
    return found
