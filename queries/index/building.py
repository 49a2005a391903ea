"""Which searches of a model are worth an index, and the index of each."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from kg.graph import FloatArray
from kg.progress import progress
from kg.vocab import IntArray
from queries.engine import Engine
from queries.index.approximate import Approximate
from queries.index.files import COSINES, SCORES, Asked
from queries.index.kinds import DEFAULT, kind_of
from queries.index.measured import SAMPLE, Measured, tune

LEAST = 200_000  # nodes: exact search of fewer takes a millisecond or two
RECALL = 0.98
MIN_TIMES = 2.0  # as quick as exact search, or the index is not kept
TOLERANCE = 0.01  # the questions that measure are others than those that choose


@dataclass(frozen=True, kw_only=True, eq=False)
class Plan:
    """One search that could have an index.

    Attributes:
        asked: what it answers.
        rows: that it would cover.
        vectors: float32 `[num_vectors, width]`.
        bias: float32 `[num_vectors]`.
        askers: vectors of those who may ask, float32 `[num_askers, width]`.
        why_not: why it has none; `""` where it is worth one.
    """

    asked: Asked
    rows: IntArray
    vectors: FloatArray
    bias: FloatArray
    askers: FloatArray
    why_not: str

    @property
    def name(self) -> str:
        """What people call it."""
        where = f" of {self.asked.domain}" if self.asked.domain else ""
        how = "by score" if self.asked.what == SCORES else "by likeness"
        return f"{self.asked.node_type}{where}, {how}"


def plans(engine: Engine, least: int = LEAST) -> Iterator[Plan]:
    """Yield every search of a model, with the reason where it needs no index."""
    graph, item = engine.graph, engine.graph.item_type
    few = f"fewer than {least:,}, exact search is quick"
    masks = {domain: graph.item_mask(domain) for domain in graph.domains}
    for domain, mask in masks.items():
        rows = np.flatnonzero(mask)
        if engine.ranking is not None and domain == engine.target:
            why_not = "the second stage compares all of them, and has to score all"
        else:
            why_not = few if len(rows) < least else ""
        yield Plan(
            asked=Asked(SCORES, item, domain),
            rows=rows,
            vectors=engine.item_z,
            bias=engine.bundle.item_bias,
            askers=engine.user_z,
            why_not=why_not,
        )
    for node_type, nodes in graph.nodes.items():
        domains = [("", np.ones(len(nodes), dtype=np.bool_))]
        if node_type == item:
            domains += [(domain, mask) for domain, mask in masks.items() if not mask.all()]
        for domain, mask in domains:
            unit, rows = engine.unit(node_type), np.flatnonzero(mask)
            yield Plan(
                asked=Asked(COSINES, node_type, domain),
                rows=rows,
                vectors=unit,
                bias=np.zeros(len(unit), dtype=np.float32),
                askers=unit,
                why_not=few if len(rows) < least else "",
            )


def build(
    engine: Engine,
    *,
    least: int = LEAST,
    recall: float = RECALL,
    kind: str = DEFAULT,
    seed: int = 0,
    say: Callable[[str], None],
) -> list[tuple[Asked, Approximate, Measured]]:
    """Build the indexes that a model is worth; every choice is said aloud.

    Args:
        engine: the model.
        least: how many nodes are worth one.
        recall: share of the exact 100 best that is to be found.
        kind: of index, see `queries.index.kinds`.
        seed: of centroids and samples.
        say: is given one line for each search.

    Raises:
        ConfigError: faiss is not installed, or there is no such kind.
    """
    found, way = [], kind_of(kind)
    todo = list(plans(engine, least))
    with progress("Indexing", total=len(todo)) as bar:
        for plan in todo:
            size = f"{plan.name}: {len(plan.rows):,}"
            if plan.why_not:
                say(f"{size}, no index: {plan.why_not}")
                bar.advance()
                continue
            bar.advance(0, note=plan.name)
            index = Approximate.build(plan.vectors, plan.bias, plan.rows, seed, kind)
            sample = np.random.default_rng(seed).permutation(len(plan.askers))[: 2 * SAMPLE]
            index, measured = tune(
                index, plan.askers[sample], plan.vectors, plan.bias, recall=recall
            )
            what = (
                f"{way.label(index.index)} looking into {measured.effort} {way.of} finds "
                f"{measured.recall:.1%} of the best {measured.k} in {measured.milliseconds:.2f} ms "
                f"(exact: {measured.exact_milliseconds:.2f} ms)"
            )
            if measured.recall < recall - TOLERANCE or measured.times < MIN_TIMES:
                say(f"{size}, no index: {what}, which is not worth it")
            else:
                say(f"{size}, index: {what}")
                found.append((plan.asked, index, measured))
            bar.advance()
    return found
