"""One protocol of a report: the model beside its floors, training, slices, alignment."""

from collections.abc import Mapping
from html import escape
from typing import Any

from kg.files import read_json
from training.evaluation import markup, plots
from training.evaluation.report_training import projection_part, read_records, training_part
from training.evaluation.report_trust import calibration_part, negative_transfer_part
from training.evaluation.shots import shots_text
from training.run_folder import TaskFolder

Results = Mapping[str, Any]

TITLES = {
    "user-cold": "Cold users",
    "item-cold": "Cold items",
    "warm": "Warm users and items",
}
ABOUT = {
    "user-cold": "Users without any interaction in {target}: only what they did in {sources} "
    "speaks for them.",
    "item-cold": "Items of {target} without any interaction: only their text and their place in "
    "the knowledge graph speak for them.",
    "warm": "Users and items that are known in {target}, and interactions that were hidden.",
}


def protocol_section(name: str, task: TaskFolder) -> str:
    """Return everything that is known of one protocol; what is missing is left out."""
    results = read_json(task.results) if task.results.is_file() else None
    parts = [f"<h2>{escape(TITLES.get(name, name))}</h2>"]
    if results is None:
        parts.append('<p class="note">Not evaluated yet.</p>')
    else:
        parts += [_about(name, results), _main_table(results), _bars(name, results)]
    regime = ((results or {}).get("regime") or {}).get("line", "")
    parts.append(training_part(name, read_records(task.metrics), regime))
    if results is not None:
        parts += [_slices(results), negative_transfer_part(results.get("negative_transfer") or {})]
        parts += [calibration_part(name, results.get("calibration") or {}), _ablations(results)]
    projection = task.path / "projection.json"
    if projection.is_file():
        parts.append(projection_part(name, read_json(projection)))
    if results is not None:
        parts.append(_all_metrics(results))
    return f'<section id="{escape(name)}">{"".join(parts)}</section>'


def verdict(name: str, results: Results) -> str:
    """Return a card: how the model stands to the strongest floor, in the first full metric."""
    metric, model = _first_metric(results), model_name(results)
    means = {
        scorer: values["full"][metric]["mean"]
        for scorer, values in results["scorers"].items()
        if metric in values.get("full", {})
    }
    floors = {scorer: mean for scorer, mean in means.items() if scorer != model}
    heading = f'<h3><a href="#{escape(name)}">{escape(TITLES.get(name, name))}</a></h3>'
    if model not in means:
        return f'<div class="card">{heading}<p>No full ranking was made.</p></div>'
    mine = f"{escape(metric)} {100 * means[model]:.2f} %"
    if not floors or max(floors.values()) <= 0:
        return f'<div class="card">{heading}<p>{mine}, no floor beside it</p></div>'
    floor = max(floors, key=lambda scorer: floors[scorer])
    test = results.get("comparisons", {}).get(floor, {}).get(metric, {})
    chance = f", p&nbsp;{markup.p_value(test['p_holm'])}" if "p_holm" in test else ""
    return (
        f'<div class="card">{heading}'
        f'<div class="big">{means[model] / floors[floor]:.2f}&times; '
        f"<small>{escape(floor)}</small></div>"
        f"<p>{mine} against {100 * floors[floor]:.2f} % of the strongest floor{chance}</p></div>"
    )


def model_name(results: Results) -> str:
    """Return which scorer is not a floor."""
    scorers = list(results["scorers"])
    named = results.get("model", "isthmus")
    return str(named) if named in scorers else scorers[0]


def _about(name: str, results: Results) -> str:
    sources = ", ".join(results.get("sources", [])) or "other domains"
    text = ABOUT.get(name, "").format(target=results.get("target", ""), sources=sources)
    counts = ", ".join(
        f"{markup.number(results[key])} {word}"
        for key, word in (
            ("num_users", "users"),
            ("num_rows", "held-out interactions"),
            ("num_candidates", "candidates"),
        )
        if key in results
    )
    counts += shots_text(results)
    return (
        f"<p>{escape(text)}</p>"
        f'<p class="note">Part {escape(str(results.get("part", "test")))}: {escape(counts)}. '
        f"All metrics in percent, {results.get('level', 0.95):.0%} bootstrap intervals over users; "
        "ties rank at the middle. p: paired test against the floor, adjusted for the number of "
        "floors (Holm).</p>"
    )


def _headline(results: Results) -> list[tuple[str, str]]:
    """Return the (group, metric) columns that stand in the first table."""
    scorer = results["scorers"][model_name(results)]
    wanted = (("full", ("NDCG", "Recall")), ("sampled", ("MRR", "NDCG", "HR")))
    columns = []
    for group, stems in wanted:
        names = list(scorer.get(group) or {})
        for stem in stems:
            having = [name for name in names if name.partition("@")[0] == stem]
            # of several cut-offs NDCG and HR take the shortest list, recall the longest
            if having:
                columns.append((group, having[-1 if stem == "Recall" else 0]))
    return columns


def _first_metric(results: Results) -> str:
    """Return the full-ranking metric that stands first, `""` without full ranking."""
    return next((metric for group, metric in _headline(results) if group == "full"), "")


def _shortest(results: Results, stem: str) -> list[str]:
    """Return the key of `stem` with the first cut-off, if the model has one."""
    keys = results["scorers"][model_name(results)]
    return [key for key in keys if key.startswith(f"{stem}@")][:1]


def _sampled_label(results: Results) -> str:
    return f"1 + {results.get('num_negatives', 999)} sampled"


def _main_table(results: Results) -> str:
    model, columns = model_name(results), _headline(results)
    extra = [key for stem in ("coverage", "diversity") for key in _shortest(results, stem)]
    tested = _first_metric(results) if results.get("comparisons") else ""
    best = {column: _best(results, *column) for column in columns}
    rows = []
    for name, scorer in results["scorers"].items():
        cells = []
        for group, metric in columns:
            interval = (scorer.get(group) or {}).get(metric)
            cells.append(markup.percent(interval, best=name in best[group, metric]))
        for key in extra:
            cells.append(markup.percent({"mean": scorer[key]} if key in scorer else None))
        if tested:
            cells.append(markup.difference(results["comparisons"].get(name, {}).get(tested)))
        rows.append(markup.row(name, cells, model=name == model))
    headings = ["", *(metric for _, metric in columns), *extra]
    num_full = sum(group == "full" for group, _ in columns)
    num_sampled = len(columns) - num_full
    groups = f'<th class="group"></th><th class="group" colspan="{num_full}">all candidates</th>'
    if num_sampled:
        label = escape(_sampled_label(results))
        groups += f'<th class="group" colspan="{num_sampled}">{label}</th>'
    if extra:
        groups += f'<th class="group" colspan="{len(extra)}">of the lists</th>'
    if tested:
        headings.append(tested)
        groups += f'<th class="group">{escape(model)} minus floor</th>'
    return markup.table(headings, rows, f"<tr>{groups}</tr>")


def _best(results: Results, group: str, metric: str) -> set[str]:
    means = {
        name: scorer[group][metric]["mean"]
        for name, scorer in results["scorers"].items()
        if "mean" in ((scorer.get(group) or {}).get(metric) or {})
    }
    return {name for name, mean in means.items() if mean == max(means.values())}


def _bars(name: str, results: Results) -> str:
    figures = []
    for group, metric in _headline(results):
        if (group, metric.partition("@")[0]) == ("sampled", "NDCG"):
            continue  # between MRR and HR in what it says; the table has it
        scorers = {
            scorer: values[group][metric]
            for scorer, values in results["scorers"].items()
            if (values.get(group) or {}).get(metric)
        }
        note = "all candidates" if group == "full" else _sampled_label(results)
        svg = plots.metric_bars(f"{name}: {note}, {metric}", scorers, model_name(results))
        figures.append(markup.figure(metric, svg, note))
    return f'<h3>Beside the floors</h3><div class="plots">{"".join(figures)}</div>'


def _slices(results: Results) -> str:
    metric, model = _first_metric(results), model_name(results)
    slices: Mapping[str, Any] = results["scorers"][model].get("slices") or {}
    if not slices:
        return ""
    names = list(results["scorers"])
    rows = []
    for label, about in slices.items():
        of_slice = {
            name: (results["scorers"][name].get("slices") or {}).get(label, {}).get(metric)
            for name in names
        }
        best = max((i["mean"] for i in of_slice.values() if i), default=None)
        cells = [f"<td>{markup.number(about.get('num_users', 0))}</td>"]
        cells += [markup.percent(i, best=bool(i) and i["mean"] == best) for i in of_slice.values()]
        rows.append(markup.row(label, cells))
    heading = (
        f"<h3>By group of users <span class='note'>{escape(metric)}, all candidates</span></h3>"
    )
    return heading + markup.table(["", "users", *names], rows)


def _ablations(results: Results) -> str:
    ablations: Mapping[str, Any] = results.get("ablations") or {}
    if not ablations:
        return ""
    columns, model = _headline(results), model_name(results)
    rows = []
    for name, scorer in {model: results["scorers"][model], **ablations}.items():
        cells = [markup.percent((scorer.get(group) or {}).get(metric)) for group, metric in columns]
        rows.append(markup.row(name, cells, model=name == model))
    headings = [metric if group == "full" else f"{metric} (sampled)" for group, metric in columns]
    about = '<p class="note">The same job with one thing taken away.</p>'
    return f"<h3>Ablations</h3>{about}{markup.table(['', *headings], rows)}"


def _all_metrics(results: Results) -> str:
    tables = []
    for group, label in (("full", "all candidates"), ("sampled", _sampled_label(results))):
        scorers = results["scorers"]
        metrics = list(scorers[model_name(results)].get(group) or {})
        if not metrics:
            continue
        best = {metric: _best(results, group, metric) for metric in metrics}
        rows = [
            markup.row(
                name,
                [
                    markup.percent((scorer.get(group) or {}).get(metric), best=name in best[metric])
                    for metric in metrics
                ],
                model=name == model_name(results),
            )
            for name, scorer in scorers.items()
        ]
        tables.append(f'<p class="note">{escape(label)}</p>{markup.table(["", *metrics], rows)}')
    return f"<details><summary>Every metric</summary>{''.join(tables)}</details>" if tables else ""
