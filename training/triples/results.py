"""How well held-out triples are predicted: as a record, and as a table."""

import dataclasses
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kg.files import check_folder
from training.seed import rng
from training.triples.config import TripleConfig
from training.triples.facts import Triples, TripleSplit, slices, split_triples
from training.triples.fit import fit_triples
from training.triples.frequency import frequency
from training.triples.ranks import FloatArray, IntArray, Score, filtered_ranks, link_metrics
from training.triples.saved import KIND, save_triple_model

if TYPE_CHECKING:
    from rich.table import Table

WHAT = {
    "all": "all",
    "linked": "ends linked by another training triple",
    "unlinked": "ends not linked yet",
    "unseen": "an end in no training triple",
}


def judge(
    score: Score, triples: Triples, split: TripleSplit, *, block_bytes: int = 268_435_456
) -> FloatArray:
    """Return filtered ranks of the test triples, `[2, num_test]`: of tails, then of heads."""
    return filtered_ranks(
        score,
        split.test,
        triples.rows,
        num_entities=len(triples.entities),
        num_relations=len(triples.relations),
        block_bytes=block_bytes,
    )


def metrics_by_slice(
    ranks: FloatArray, triples: Triples, test: IntArray, train: IntArray
) -> dict[str, dict[str, float]]:
    """Return the metrics of all test triples, of each slice, direction and relation."""
    found = {"all": link_metrics(ranks)}
    for name, mask in slices(test, train).items():
        if mask.any():
            found[name] = {"triples": int(mask.sum()), **link_metrics(ranks[:, mask])}
    for direction, one_way in zip(("tails", "heads"), ranks, strict=True):
        found[direction] = link_metrics(one_way)
    for number, relation in enumerate(triples.relations):
        mask = test[:, 1] == number
        if mask.any():
            about = {"triples": int(mask.sum()), **link_metrics(ranks[:, mask])}
            found[f"relation {relation}"] = about
    return found


def predict_links(
    triples: Triples,
    config: TripleConfig,
    *,
    test: float = 0.1,
    valid: float = 0.05,
    keep: Path | None = None,
) -> dict[str, Any]:
    """Hold out triples, fit, judge; beside the floor that only counts.

    Args:
        triples: what is known.
        config: settings.
        test: share that is held out.
        valid: share that decides when to stop.
        keep: folder to write the model that was judged to, for queries.

    Raises:
        InputError: there are too few triples.
        ArtefactError: `keep` holds something else.
    """
    if keep is not None:
        check_folder(keep, KIND)
    split = split_triples(triples, test=test, valid=valid, rng=rng(config.seed, "triple split"))
    began = time.monotonic()
    sizes = (len(triples.entities), len(triples.relations))
    model = fit_triples(split, *sizes, config)
    seconds = round(time.monotonic() - began, 1)
    if keep is not None:
        weights = {name: value.numpy() for name, value in model.decoder.state_dict().items()}
        about = {"settings": dataclasses.asdict(config), "valid_MRR": max(model.history)}
        save_triple_model(keep, triples, model.entities.numpy(), config.decoder, weights, about)
    scorers = {config.decoder: model.scorer(), "frequency": frequency(split.train, *sizes)}
    return {
        "triples": {
            "all": len(triples),
            **{part: len(getattr(split, part)) for part in ("train", "valid", "test")},
            "entities": sizes[0],
            "relations": sizes[1],
            "left_out": dict(triples.left_out),
        },
        "settings": dataclasses.asdict(config),
        "seconds": seconds,
        "valid_MRR": [round(value, 4) for value in model.history],
        "metrics": {
            name: metrics_by_slice(judge(score, triples, split), triples, split.test, split.train)
            for name, score in scorers.items()
        },
    }


def links_table(results: dict[str, Any]) -> "Table":
    """Return the metrics, a row for each slice of the test triples and each scorer."""
    from rich.table import Table

    about = results["triples"]
    table = Table(
        title=f"{about['test']:,} of {about['all']:,} triples, {about['entities']:,} entities",
        title_justify="left",
    )
    table.add_column("test triples")
    table.add_column("")
    columns = ("MRR", "Hits@1", "Hits@3", "Hits@10")
    for column in columns:
        table.add_column(column, justify="right")
    for key, words in WHAT.items():
        for name, metrics in results["metrics"].items():
            if key in metrics:
                number = metrics[key].get("triples", about["test"])
                cells = [f"{metrics[key][column]:.3f}" for column in columns]
                table.add_row(f"{words} ({number:,})", name, *cells)
    return table
