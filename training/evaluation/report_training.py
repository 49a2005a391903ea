"""The training part of a report: curves by epoch, domains before and after alignment."""

import json
import math
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from training.evaluation import markup, plots


def training_part(name: str, records: Sequence[Mapping[str, Any]], regime: str = "") -> str:
    """Return the curves of loss and valid metrics; the first valid metric is the strong one.

    Args:
        name: of the protocol.
        records: one an epoch.
        regime: by which regime it was trained, and why, as a line.
    """
    if not records:
        return ""
    losses: dict[str, list[tuple[float, float]]] = {}
    valid: dict[str, list[tuple[float, float]]] = {}
    for record in records:
        for key, value in record.items():
            if key == "loss" or key.startswith("loss_"):
                label = "loss" if key == "loss" else key.removeprefix("loss_").replace("_", " ")
                _add(losses, label, record["epoch"], value, 1)
        for key, value in (record.get("valid") or {}).items():
            _add(valid, key, record["epoch"], value, 100)
    figures, said = [], ""
    if losses and max(len(pairs) for pairs in losses.values()) == 1:  # no curve in a single point
        said = "; " + ", ".join(f"{name} {pairs[0][1]:.3f}" for name, pairs in losses.items())
    elif losses:
        svg = plots.curves(f"{name}: training loss by epoch", losses, "loss")
        figures.append(markup.figure("Loss", svg, "by epoch"))
    if valid:
        main = next(iter(valid))
        epoch, best = max(valid[main], key=lambda pair: (pair[1], -pair[0]))
        svg = plots.curves(f"{name}: valid metrics by epoch", valid, main)
        note = f"in % · best {main} {best:.2f} at epoch {epoch:.0f}"
        figures.append(markup.figure("Validation", svg, note))
    seconds = sum(float(record.get("seconds") or 0) for record in records)
    timing = f" in {_duration(seconds)}" if seconds else ""
    trained = sum(record["epoch"] > 0 for record in records)  # 0 is the start
    epochs = "1 epoch" if trained == 1 else f"{trained} epochs"
    return (
        f'<h3>Training</h3><p class="note">{epochs}{timing}{escape(said)}.'
        f"{escape(f' {regime[:1].upper()}{regime[1:]}.' if regime else '')}</p>"
        f'<div class="plots">{"".join(figures)}</div>'
    )


def _add(
    series: dict[str, list[tuple[float, float]]], name: str, epoch: Any, value: Any, scale: float
) -> None:
    if isinstance(value, int | float) and math.isfinite(value):
        series.setdefault(name, []).append((float(epoch), scale * float(value)))


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} seconds"
    return f"{seconds / 60:.0f} minutes" if seconds < 7200 else f"{seconds / 3600:.1f} hours"


def projection_part(name: str, projection: Mapping[str, plots.Points]) -> str:
    """Return the domains in 2-D before and after training, as `project` found them."""
    domains = list(dict.fromkeys(domain for points in projection.values() for domain in points))
    keys = "".join(
        f'<span class="key" style="--c: var(--domain-{index % plots.NUM_DOMAIN_COLOURS})">'
        f"{escape(domain)}</span>"
        for index, domain in enumerate(domains)
    )
    figures = [
        markup.figure(
            f"{when.capitalize()} training",
            plots.scatter(f"{name}: domains {when} training", projection[when], domains),
            framed=True,
        )
        for when in ("before", "after")
        if projection.get(when)
    ]
    about = "A sample of nodes of each domain, first two principal components."
    return (
        f'<h3>Domains before and after alignment</h3><p class="note">{about}</p><p>{keys}</p>'
        f'<div class="plots">{"".join(figures)}</div>'
    )


def read_records(path: Path) -> list[dict[str, Any]]:
    """Return the epochs of a `metrics.jsonl`; a line cut short by an interruption is left out."""
    if not path.is_file():
        return []
    by_epoch: dict[int, dict[str, Any]] = {}
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            record = json.loads(line)
            by_epoch[int(record["epoch"])] = record  # a resumed job repeats an epoch: the last one
        except (ValueError, KeyError, TypeError):
            continue
    return [by_epoch[epoch] for epoch in sorted(by_epoch)]
