"""Questions about links in bulk: a file of ids in, a file of answers out, both streamed."""

from pathlib import Path

from kg.errors import InputError
from kg.progress import progress
from queries.asked import AskedIds, strings
from queries.batch import Summary
from queries.links.predictor import ANSWERS, KNOWN, LinkPredictor
from queries.tables import check_suffix, open_column, write_table

_BLOCK_ROWS = 4_096


def predict_file(
    predictor: LinkPredictor,
    asked: Path,
    out: Path,
    relation: str,
    *,
    tails: bool,
    k: int = 10,
    node_type: str | None = None,
    domain: str | None = None,
    include_known: bool = False,
    skip_unknown: bool = False,
) -> Summary:
    """Write the k likeliest answers to the question of every id of a file.

    Args:
        predictor: what answers.
        asked: a table with a column `head` (or `tail`) or `id` or a single column, or plain text
            with one id a line.
        out: `.parquet`, `.csv`, `.tsv` or `.jsonl`; columns head, relation, tail, rank (from 1),
            title (of the answer), score, and known where known triples are included.
        relation: name of a relation.
        tails: whether ids are heads, and tails are wanted, or the other way round.
        k: how many.
        node_type: as in `LinkPredictor.tails`.
        domain: as there.
        include_known: as there.
        skip_unknown: leave out ids that are not in the graph instead of stopping.

    Raises:
        InputError: the file cannot be read, or the relation cannot be predicted.
        UnknownIdError: an id is unknown; names the file and line.
    """
    check_suffix(out)
    table, column = open_column(asked, "head" if tails else "tail", "id")
    first = next(table.blocks(_BLOCK_ROWS), None)
    if first is None:
        raise InputError(f"{asked} has no rows")
    ids = strings(first[0][column]).to_pylist()
    side = predictor.side(relation, ids, tails=tails, node_type=node_type)
    vocab = predictor.nodes[side.given].vocab
    every = AskedIds.of(table, column, vocab, skip_unknown=skip_unknown)
    written = 0
    schema = ANSWERS.append(KNOWN) if include_known else ANSWERS
    with write_table(out, schema) as writer, progress("Predicting", total=every.asked) as bar:
        for ids, rows in every.blocks(_BLOCK_ROWS):
            answers = predictor.table(side, ids, k, domain=domain, include_known=include_known)
            writer.write_table(answers)
            written += len(answers)
            bar.advance(rows)
    return Summary(every.asked, every.skipped, written)
