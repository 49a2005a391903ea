"""The part of a report on trust: probabilities, thresholds, and where the source hurts."""

from collections.abc import Mapping
from html import escape
from typing import Any

from training.evaluation import markup, plots
from training.evaluation.negative_transfer import ALL

Values = Mapping[str, Any]


def calibration_part(name: str, calibration: Values) -> str:
    """Return the reliability of the probabilities and what thresholds on them bring."""
    if not calibration:
        return ""
    rows = []
    for about in calibration["thresholds"]:
        chosen = about["theta"] == calibration["threshold"]
        promised = about["promised"]
        cells = [
            f"<td>{about['per_user']:.1f}</td>",
            f"<td>{about['users']:.0%}</td>",
            markup.percent(None if promised is None else {"mean": promised}),
            markup.percent(about["precision"]),
            markup.percent(about["recall"]),
            markup.percent({"mean": about["f1"]}, best=chosen),
            f"<td>{about['accuracy']:.3%}</td>",
        ]
        rows.append(markup.row(f"θ = {about['theta']:.4g}", cells, model=chosen))
    headings = ["recommend from", "items a user", "users with any", "promised precision"]
    headings += ["precision", "recall", "F1", "accuracy"]
    pairs = [(100 * b["predicted"], 100 * b["observed"]) for b in calibration["bins"]]
    svg = plots.reliability(f"{name}: promised and observed probability", pairs)
    scale = "score" if calibration["scale"] == "score" else "rank for the user"
    skill, base = 100 * calibration["brier_skill"], 100 * calibration["base_rate"]
    about = (
        f"Probabilities are fitted on valid ({escape(str(calibration['method']))}, of the "
        f"{scale}) and judged here on test: expected calibration error {calibration['ece']:.2g}, "
        f"Brier score {calibration['brier']:.3g} ({skill:.2f} % better than the base rate of "
        f"{base:.3g} %). Bins of equal expected hits miss what they promise by "
        f"{calibration['relative_error']:.0%}. Accuracy is high wherever hardly anything is "
        "relevant: it says little."
    )
    figure = markup.figure("Reliability", svg, "in %, bins of equal expected hits")
    return (
        f'<h3>Probabilities</h3><p class="note">{about}</p>{markup.table(headings, rows)}'
        f'<div class="plots">{figure}</div>'
    )


def negative_transfer_part(found: Values) -> str:
    """Return the model beside itself trained on the target alone, by group."""
    if not found:
        return ""
    rows = []
    for name, about in found["slices"].items():
        cells = [
            f"<td>{markup.number(about['num_users'])}</td>",
            markup.percent({"mean": about["model"]}),
            markup.percent({"mean": about["alone"]}),
            markup.difference(about),
            f"<td>{about['helped']:.0%}</td>",
            f"<td>{about['hurt']:.0%}</td>",
        ]
        rows.append(markup.row(name, cells, model=name == ALL))
    headings = ["", "users", "with sources", "target alone", "difference", "helped", "hurt"]
    metric = escape(str(found["metric"]))
    return (
        f'<h3>Negative transfer <span class="note">{metric}, all candidates</span></h3>'
        '<p class="note">The model against itself trained without any interaction outside the '
        "target, on the same held-out rows: paired tests, p adjusted for the number of groups "
        "(Holm); helped and hurt are shares of users.</p>"
        f"{markup.table(headings, rows)}"
    )
