"""Many queries at once: a file in, a file out, both streamed."""

from collections import deque
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from kg.errors import InputError
from kg.export.naming import Naming
from kg.export.predictions import SUFFIXES, Origin, write_predictions
from kg.progress import progress
from kg.streams import plain_suffix
from queries.answers import ANSWERS, PROBABILITY
from queries.asked import AskedIds, count_known, strings
from queries.filters import SEEN_LEFT_OUT, Filters
from queries.parts import Parts
from queries.recommender import Recommender
from queries.spread import Answer
from queries.tables import check_suffix, open_pairs, write_table

_BLOCK_ROWS = 1_024  # users whose answers a killed run may lose
_PAIR_ROWS = 65_536


@dataclass(frozen=True)
class Summary:
    """What a batch did: rows of the input, those skipped for an unknown id, rows written.

    `resumed` rows of the input had been answered by a run that was interrupted.
    """

    asked: int
    skipped: int
    written: int
    resumed: int = 0


def recommend_file(
    recommender: Recommender,
    users: Path | None,
    out: Path,
    *,
    domain: str,
    k: int = 10,
    filters: Filters = SEEN_LEFT_OUT,
    skip_unknown: bool = False,
    naming: Naming | None = None,
    fresh: bool = False,
    answer: Answer | None = None,
) -> Summary:
    """Write the k best items of every user of a file, or of all.

    What is answered is kept in `OUT.parts` until the file is complete. The same call after an
    interruption goes on from there, and ends with the same file.

    Args:
        recommender: what answers.
        users: a table with a column `user` or a single column, plain text with one id a line, or
            None for all users of the graph.
        out: `.parquet`, `.csv`, `.tsv` or `.jsonl`, with the columns of
            `Recommender.recommend_table`. A user with fewer than k items left has fewer rows. Or
            RDF, as `write_predictions` writes it.
        domain: where items are taken from.
        k: how many.
        filters: what is left out, and what reorders the rest.
        skip_unknown: leave out users that are not in the graph instead of stopping.
        naming: makes the IRIs of nodes in RDF; by default from their ids alone.
        fresh: start over, whatever an interrupted run has left.
        answer: answers blocks of users in the recommender's stead, in order (`queries.spread`).

    Raises:
        InputError: a file cannot be read or written, a question that `Recommender.recommend`
            refuses, or the interrupted run was asked something else.
        UnknownIdError: a user is unknown; names the file and line.
    """
    check_suffix(out, *SUFFIXES)
    recommender.recommend([], domain=domain, k=k, filters=filters)
    asked = AskedIds.users(users, recommender.graph.users.vocab, skip_unknown=skip_unknown)
    settings = {
        "model": recommender.engine.fingerprint[:16],
        "device": recommender.engine.device,
        "index": recommender.engine.indexes is not None,
        "users": asked.fingerprint[:16],
        "skip_unknown": skip_unknown,
        "block": _BLOCK_ROWS,
        "domain": domain,
        "k": k,
        **filters.to_json(),
    }
    parts = Parts(out, settings, fresh=fresh)
    resumed = count = 0
    waiting: deque[tuple[int, int]] = deque()

    def open_blocks() -> Iterator[list[str]]:
        nonlocal resumed, count
        for ids, rows in asked.blocks(_BLOCK_ROWS):
            if count in parts:
                resumed += rows
                bar.advance(rows)
            else:
                waiting.append((count, rows))
                yield ids
            count += 1

    if answer is None:
        asks = partial(recommender.recommend_table, domain=domain, k=k, filters=filters)
        answer = partial(map, asks)
    with progress("Recommending", total=asked.asked) as bar:
        for table in answer(open_blocks()):
            number, rows = waiting.popleft()
            parts.add(number, table)
            bar.advance(rows)
    written = sum(parts.rows(number) for number in range(count))
    schema = ANSWERS.append(PROBABILITY) if recommender.has_probabilities(domain) else ANSWERS
    with (
        _writing(recommender, out, schema, naming, parts.started) as writer,
        progress("Writing", total=count) as bar,
    ):
        for table in parts.tables(count):
            writer.write_table(table)
            bar.advance()
    parts.remove()
    return Summary(asked.asked, asked.skipped, written, resumed)


def score_file(
    recommender: Recommender, pairs: Path, out: Path, *, skip_unknown: bool = False
) -> Summary:
    """Write a table of pairs again, with columns `score` and perhaps `probability` behind others.

    Args:
        recommender: what answers.
        pairs: a table with columns `user` and `item`, or with these as its first two.
        out: `.parquet`, `.csv`, `.tsv` or `.jsonl`; every row of `pairs`, in its order. Where the
            model has probabilities, with these too, as far as the pair has one.
        skip_unknown: give pairs with an id that is not in the graph no score instead of stopping.

    Raises:
        InputError: the file cannot be read.
        UnknownIdError: an id is unknown; names the file and line.
    """
    check_suffix(out)
    table, user, item = open_pairs(pairs)
    graph, engine = recommender.graph, recommender.engine
    vocabs = {user: graph.users.vocab, item: graph.items.vocab}
    if user in graph.users.vocab and item in graph.items.vocab:
        raise InputError(f"{pairs} has no header: its first line is a pair ({user}, {item})")
    asked, skipped = count_known(table, vocabs, skip_unknown)
    schema = table.schema.append(pa.field("score", pa.float32()))
    if engine.calibrated:
        schema = schema.append(PROBABILITY)
    with write_table(out, schema) as writer, progress("Scoring", total=asked) as bar:
        for block, _ in table.blocks(_PAIR_ROWS):
            rows = {name: vocab.lookup(strings(block[name])) for name, vocab in vocabs.items()}
            known = (rows[user] >= 0) & (rows[item] >= 0)
            users, items = rows[user][known], rows[item][known]
            scores = np.zeros(len(block), dtype=np.float32)
            scores[known] = engine.score(users, items)
            block = block.append_column(schema.field("score"), pa.array(scores, mask=~known))
            if engine.calibrated:
                likely = np.full(len(block), np.nan)
                likely[known] = engine.likely_pairs(users, items)
                block = block.append_column(PROBABILITY, pa.array(likely, from_pandas=True))
            writer.write_table(block)
            bar.advance(len(block))
    return Summary(asked, skipped, asked)


def _writing(
    recommender: Recommender, out: Path, schema: pa.Schema, naming: Naming | None, date: datetime
) -> AbstractContextManager[Any]:
    """Return what opens a writer of answers."""
    if plain_suffix(out) not in SUFFIXES:
        return write_table(out, schema)
    about = recommender.about
    origin = Origin(
        run=str(about.get("job", {}).get("name", "")),
        protocol=str(about.get("protocol", "")),
        version=str(about.get("versions", {}).get("isthmus", "")),
        date=date,
    )
    return write_predictions(out, recommender.graph, origin, naming)
