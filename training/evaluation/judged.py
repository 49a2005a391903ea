"""What every scorer achieved for every user, kept beside the results so that runs compare."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet

from kg.errors import ArtefactError
from kg.files import write_file
from kg.vocab import IntArray
from training.evaluation.evaluate import Evaluation
from training.evaluation.metrics import FloatArray
from training.evaluation.split import HeldOut, Split

Values = Mapping[str, FloatArray]

FILE = "users.parquet"
ABOUT = b"isthmus"
FULL, SAMPLED = "full", "sampled"


@dataclass(frozen=True, kw_only=True, eq=False)
class Judged:
    """Metrics of each user, by scorer; users go by id, so that runs on different graphs compare.

    Attributes:
        protocol: of the split.
        sources: of the split.
        target: of the split.
        part: `valid` or `test`.
        ks: cutoffs.
        num_negatives: of the sampled metrics.
        negatives: of the draws (`Evaluation.negatives`).
        held_out: hash of the held-out rows and of the candidates, by id.
        model: which scorer is not a floor.
        users: ids, sorted; `[num_users]` of str.
        num_rows: held-out interactions of each user, int64 `[num_users]`.
        target_history: training interactions of each user in the target, int64 `[num_users]`.
        source_history: training interactions of each user in the sources, int64 `[num_users]`.
        scorers: scorer -> group (`full`, `sampled`, or a bucket of items) -> metric -> value of
            each user, float64 `[num_users]`, NaN where the user has no row in the bucket.
    """

    protocol: str
    sources: tuple[str, ...]
    target: str
    part: str
    ks: tuple[int, ...]
    num_negatives: int
    negatives: str
    held_out: str
    model: str
    users: npt.NDArray[np.str_]
    num_rows: IntArray
    target_history: IntArray
    source_history: IntArray
    scorers: Mapping[str, Mapping[str, Values]]

    @classmethod
    def of(cls, evaluations: Mapping[str, Evaluation], split: Split, model: str) -> "Judged":
        """Collect evaluations of one part; those of floors keep no buckets."""
        first = evaluations[model]
        ids = np.array(split.train.users.vocab.to_ids(first.users), dtype=np.str_)
        order = np.argsort(ids, kind="stable")

        def sort(values: Values) -> dict[str, FloatArray]:
            return {name: np.asarray(column)[order] for name, column in values.items()}

        return cls(
            protocol=first.protocol,
            sources=first.sources,
            target=first.target,
            part=first.part,
            ks=first.ks,
            num_negatives=first.num_negatives,
            negatives=first.negatives,
            held_out=held_out_hash(split, getattr(split, first.part)),
            model=model,
            users=ids[order],
            num_rows=first.num_rows[order],
            target_history=first.target_history[order],
            source_history=first.source_history[order],
            scorers={
                name: {
                    FULL: sort(found.full),
                    SAMPLED: sort(found.sampled),
                    **({b: sort(v) for b, v in found.buckets.items()} if name == model else {}),
                }
                for name, found in evaluations.items()
            },
        )

    def metrics(self) -> list[tuple[str, str]]:
        """Return the (group, metric) pairs that reports begin with."""
        short, long = self.ks[0], self.ks[-1]
        wanted = [(FULL, f"NDCG@{short}"), (FULL, f"Recall@{long}"), (FULL, "MRR")]
        wanted += [(SAMPLED, name) for name in ("MRR", f"NDCG@{short}", f"HR@{short}")]
        of_model = self.scorers[self.model]
        return [(group, name) for group, name in wanted if name in of_model[group]]

    def weights(self, group: str) -> FloatArray:
        """Return what users weigh in a mean: their rows for sampled metrics, else 1."""
        return self.num_rows.astype(np.float64) if group == SAMPLED else np.ones(len(self.users))

    def save(self, path: Path) -> None:
        """Write one Parquet file, a row for each user; metrics are rounded to float32."""
        columns: dict[str, pa.Array] = {
            "user": pa.array(self.users.tolist(), pa.string()),
            "num_rows": pa.array(self.num_rows),
            "target_history": pa.array(self.target_history),
            "source_history": pa.array(self.source_history),
        }
        places: list[Sequence[str]] = []
        for scorer, groups in self.scorers.items():
            for group, values in groups.items():
                for metric, column in values.items():
                    columns[f"{len(places)}"] = pa.array(column.astype(np.float32))
                    places.append((scorer, group, metric))
        about = {
            "protocol": self.protocol,
            "sources": self.sources,
            "target": self.target,
            "part": self.part,
            "ks": self.ks,
            "num_negatives": self.num_negatives,
            "negatives": self.negatives,
            "held_out": self.held_out,
            "model": self.model,
            "columns": places,
        }
        table = pa.table(columns).replace_schema_metadata({ABOUT: json.dumps(about).encode()})
        with write_file(path) as aside:
            pyarrow.parquet.write_table(table, aside, compression="zstd")


def load_judged(path: Path) -> Judged:
    """Read what `Judged.save` wrote.

    Raises:
        ArtefactError: missing or damaged.
    """
    try:
        table = pyarrow.parquet.read_table(path)
        about: dict[str, Any] = json.loads((table.schema.metadata or {})[ABOUT])
    except FileNotFoundError:
        raise ArtefactError(
            f"{path} is missing: `isthmus evaluate` writes it with the results"
        ) from None
    except (pa.ArrowInvalid, KeyError, ValueError) as error:
        raise ArtefactError(f"{path} is damaged: {error}") from None
    scorers: dict[str, dict[str, dict[str, FloatArray]]] = {}
    for number, (scorer, group, metric) in enumerate(about.pop("columns")):
        groups = scorers.setdefault(scorer, {FULL: {}, SAMPLED: {}})
        column = np.asarray(table[f"{number}"], dtype=np.float64)
        groups.setdefault(group, {})[metric] = column
    return Judged(
        **{**about, "sources": tuple(about["sources"]), "ks": tuple(about["ks"])},
        users=np.array(table["user"].to_pylist(), dtype=np.str_),
        num_rows=np.asarray(table["num_rows"]),
        target_history=np.asarray(table["target_history"]),
        source_history=np.asarray(table["source_history"]),
        scorers=scorers,
    )


def held_out_hash(split: Split, held_out: HeldOut) -> str:
    """Hash the rows and the candidates of a part, by id and in no order."""
    users, items = split.train.users.vocab, split.train.items.vocab
    pairs = zip(users.to_ids(held_out.users), items.to_ids(held_out.items), strict=True)
    digest = hashlib.sha256()
    for part in (sorted(map(list, pairs)), sorted(items.to_ids(held_out.candidates))):
        digest.update(json.dumps(part).encode())
    return digest.hexdigest()
