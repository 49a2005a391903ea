"""Many queries at once: a file in, a file out, both streamed."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kg.errors import InputError, UnknownIdError
from kg.export.naming import Naming
from kg.export.predictions import SUFFIXES, Origin, write_predictions
from kg.progress import progress
from kg.streams import plain_suffix
from kg.vocab import IntArray, Vocab
from queries.filters import SEEN_LEFT_OUT, Filters
from queries.recommender import Recommender
from queries.tables import TableFile, open_pairs, open_users, write_table

_BLOCK_ROWS = 4_096
_PAIR_ROWS = 65_536
ANSWERS = pa.schema(
    {
        "user": pa.string(),
        "rank": pa.int32(),
        "item": pa.string(),
        "title": pa.string(),
        "score": pa.float32(),
    }
)


@dataclass(frozen=True)
class Summary:
    """What a batch did: rows of the input, those skipped for an unknown id, rows written."""

    asked: int
    skipped: int
    written: int


def recommend_file(
    recommender: Recommender,
    users: Path,
    out: Path,
    *,
    domain: str,
    k: int = 10,
    filters: Filters = SEEN_LEFT_OUT,
    skip_unknown: bool = False,
    naming: Naming | None = None,
) -> Summary:
    """Write the k best items of every user of a file.

    Args:
        recommender: what answers.
        users: a table with a column `user` or a single column, or plain text with one id a line.
        out: `.parquet`, `.csv` or `.tsv`; columns user, rank (from 1), item, title, score. A user
            with fewer than k items left has fewer rows. Or RDF, as `write_predictions` writes it.
        domain: where items are taken from.
        k: how many.
        filters: what is left out, and what reorders the rest.
        skip_unknown: leave out users that are not in the graph instead of stopping.
        naming: makes the IRIs of nodes in RDF; by default from their ids alone.

    Raises:
        InputError: the file cannot be read, the domain is unknown, or there are no probabilities.
        UnknownIdError: a user is unknown; names the file and line.
    """
    recommender.graph.domain_index(domain)
    table, column = open_users(users)
    vocab = recommender.graph.users.vocab
    # The file is read twice: an unknown id in the last line is reported before hours of work.
    asked, skipped = _count_known(table, {column: vocab}, skip_unknown)
    written = 0
    writing = _writing(recommender, out, naming)
    with writing as writer, progress("Recommending", total=asked) as bar:
        for block, _ in table.blocks(_BLOCK_ROWS):
            ids = _strings(block[column])
            ids = ids.filter(pa.array(vocab.lookup(ids) >= 0)).to_pylist()
            items, scores = recommender.recommend(
                ids,
                domain=domain,
                k=k,
                filters=filters,
            )
            answers = _answers(recommender, ids, items, scores)
            writer.write_table(answers)
            written += len(answers)
            bar.advance(len(block))
    return Summary(asked, skipped, written)


def score_file(
    recommender: Recommender, pairs: Path, out: Path, *, skip_unknown: bool = False
) -> Summary:
    """Write a table of pairs again, with a column `score` behind all others.

    Args:
        recommender: what answers.
        pairs: a table with columns `user` and `item`, or with these as its first two.
        out: `.parquet`, `.csv` or `.tsv`; every row of `pairs`, in its order.
        skip_unknown: give pairs with an id that is not in the graph no score instead of stopping.

    Raises:
        InputError: the file cannot be read.
        UnknownIdError: an id is unknown; names the file and line.
    """
    table, user, item = open_pairs(pairs)
    graph = recommender.graph
    vocabs = {user: graph.users.vocab, item: graph.items.vocab}
    if user in graph.users.vocab and item in graph.items.vocab:
        raise InputError(f"{pairs} has no header: its first line is a pair ({user}, {item})")
    asked, skipped = _count_known(table, vocabs, skip_unknown)
    schema = table.schema.append(pa.field("score", pa.float32()))
    with write_table(out, schema) as writer, progress("Scoring", total=asked) as bar:
        for block, _ in table.blocks(_PAIR_ROWS):
            rows = {name: vocab.lookup(_strings(block[name])) for name, vocab in vocabs.items()}
            known = (rows[user] >= 0) & (rows[item] >= 0)
            scores = np.zeros(len(block), dtype=np.float32)
            scores[known] = recommender.engine.score(rows[user][known], rows[item][known])
            column = pa.array(scores, mask=~known)
            writer.write_table(block.append_column(schema.field("score"), column))
            bar.advance(len(block))
    return Summary(asked, skipped, asked)


def _writing(
    recommender: Recommender, out: Path, naming: Naming | None
) -> AbstractContextManager[Any]:
    """Return what opens a writer of answers."""
    if plain_suffix(out) not in SUFFIXES:
        return write_table(out, ANSWERS)
    about = recommender.about
    origin = Origin(
        run=str(about.get("job", {}).get("name", "")),
        protocol=str(about.get("protocol", "")),
        version=str(about.get("versions", {}).get("isthmus", "")),
        date=datetime.now(UTC),
    )
    return write_predictions(out, recommender.graph, origin, naming)


def _answers(recommender: Recommender, users: list[str], items: Any, scores: Any) -> pa.Table:
    """Return the rows of a padded batch of answers, without the padding."""
    found = items != ""
    names = items[found].tolist()
    rank = np.broadcast_to(np.arange(1, items.shape[1] + 1, dtype=np.int32), items.shape)
    return pa.table(
        [
            pa.array(np.repeat(np.array(users, dtype=object), found.sum(axis=1)), pa.string()),
            pa.array(rank[found]),
            pa.array(names, pa.string()),
            pa.array(recommender.titles(names), pa.string()),
            pa.array(scores[found]),
        ],
        schema=ANSWERS,
    )


def _count_known(table: TableFile, vocabs: dict[str, Vocab], skip_unknown: bool) -> tuple[int, int]:
    """Return the number of rows, and of those with an unknown id.

    Raises:
        UnknownIdError: there is one, and it is not to be skipped.
    """
    asked, skipped = 0, 0
    for block, lines in table.blocks(_PAIR_ROWS):
        unknown = np.zeros(len(block), dtype=np.bool_)
        for name, vocab in vocabs.items():
            ids = _strings(block[name])
            missing = vocab.lookup(ids) < 0
            unknown |= missing
            if missing.any() and not skip_unknown:
                _refuse(table, vocab, ids, lines, int(missing.argmax()))
        asked += len(block)
        skipped += int(unknown.sum())
    return asked, skipped


def _refuse(table: TableFile, vocab: Vocab, ids: Any, lines: IntArray, row: int) -> None:
    try:
        vocab.index([ids[row].as_py()])
    except UnknownIdError as error:
        raise UnknownIdError(f"{table.place(int(lines[row]))}: {error}") from None


def _strings(column: Any) -> Any:
    return pc.fill_null(column.cast(pa.string()), "")
