"""Answers to very many users, made by many processes: the same as by one."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pyarrow as pa

from kg.errors import InputError
from queries.filters import Filters
from queries.recommender import Recommender
from training.distributed.cluster import Cluster

Answer = Callable[[Iterable[list[str]]], Iterator[pa.Table]]


def spread_answers(
    recommender: Recommender, cluster: Cluster, *, domain: str, k: int, filters: Filters
) -> Answer:
    """Return what answers blocks of users on a cluster that is joined, as `recommend_table` does.

    Args:
        recommender: of a run, on storage that all machines of the cluster have at the same path.
        cluster: where.
        domain: where items are taken from.
        k: how many.
        filters: what is left out, and what reorders the rest.

    Raises:
        InputError: the recommender is not one of a run alone.
    """
    run = recommender.opened.run
    if run is None:
        raise InputError("only what a run holds is answered on a cluster")
    protocol = str(recommender.about["protocol"])
    given = (run.resolve(), protocol, recommender.engine.device, domain, k, filters)

    def answer(blocks: Iterable[list[str]]) -> Iterator[pa.Table]:
        for made in cluster.spread(AnswerBlock, given, blocks):
            yield pa.ipc.open_stream(made).read_all()

    return answer


class AnswerBlock:
    """One process that answers."""

    def __init__(
        self, run: Path, protocol: str, device: str | None, domain: str, k: int, filters: Filters
    ) -> None:
        self._recommender = Recommender.open(run, protocol, device=device)
        self._domain, self._k, self._filters = domain, k, filters

    def __call__(self, block: list[str]) -> bytes:
        """Return the answers to a block of users, as an Arrow stream."""
        table = self._recommender.recommend_table(
            block, domain=self._domain, k=self._k, filters=self._filters
        )
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
        made: bytes = sink.getvalue().to_pybytes()
        return made
