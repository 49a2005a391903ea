"""A run folder to `report.html`: one page that needs nothing but itself."""

from collections.abc import Mapping
from html import escape
from pathlib import Path
from string import Template
from typing import Any

import numpy as np

from kg.files import read_json, write_file
from kg.graph import KnowledgeGraph
from training.evaluation import markup
from training.evaluation.report_protocol import TITLES, protocol_section, verdict
from training.run_folder import RunFolder

HERE = Path(__file__).parent


def write_report(run: RunFolder, graph: KnowledgeGraph | None = None) -> Path:
    """Write the report of a run from what its folder holds; what is not there yet is left out.

    The page has no scripts and loads nothing, and is the same, byte for byte, for the same folder.

    Args:
        run: the folder.
        graph: the imported graph; None reads it from the folder.

    Returns:
        Where the page is.
    """
    if graph is None and run.graph.is_dir():
        from kg.store import load_graph

        graph = load_graph(run.graph)
    config: dict[str, Any] = read_json(run.config) if run.config.is_file() else {}
    protocols = [
        name
        for name in TITLES
        if run.task(name).results.is_file() or run.task(name).metrics.is_file()
    ]
    verdicts = [
        verdict(name, read_json(run.task(name).results))
        for name in protocols
        if run.task(name).results.is_file()
    ]
    sections = [_glance(graph)] if graph is not None else []
    sections += [protocol_section(name, run.task(name)) for name in protocols]
    sections.append(_settings(run, config, protocols))
    page = Template((HERE / "report.html").read_text(encoding="utf-8")).substitute(
        title=escape(str(config.get("name", run.path.name))),
        style=(HERE / "report.css").read_text(encoding="utf-8").strip(),
        lead=_lead(config, protocols),
        verdicts=f'<div class="cards">{"".join(verdicts)}</div>' if verdicts else "",
        sections="\n".join(sections),
    )
    with write_file(run.report) as aside:
        aside.write_text(page, encoding="utf-8")
    return run.report


def _lead(config: Mapping[str, Any], protocols: list[str]) -> str:
    task = config.get("task", {})
    if "target" not in task:
        return "A training job."
    sources = markup.listing([str(name) for name in task.get("sources") or ["every other domain"]])
    asked = " and ".join(TITLES[name].lower() for name in protocols)
    what = f", asked for {escape(asked)}" if asked else ""
    return (
        f"Recommend <b>{escape(str(task['target']))}</b> with what is known from {sources}{what}."
    )


def _glance(graph: KnowledgeGraph) -> str:
    """Return what the graph holds: counts by domain, what domains share, other nodes and edges."""
    edges = graph.interaction_edges
    rows = []
    users = {domain: graph.user_mask(domain) for domain in graph.domains}
    items = {domain: graph.item_mask(domain) for domain in graph.domains}
    for domain in graph.domains:
        used = int(items[domain][edges.dst].sum())
        cells = int(users[domain].sum()) * int(items[domain].sum())
        texts = _with_text(graph, items[domain])
        values = [
            markup.number(users[domain].sum()),
            markup.number(items[domain].sum()),
            markup.number(used),
            f"{used / cells:.3%}" if cells else "&ndash;",
            f"{texts:.0%}" if texts is not None else "&ndash;",
        ]
        rows.append(markup.row(domain, [f"<td>{value}</td>" for value in values]))
    headings = ["domain", "users", "items", "interactions", "density", "items with text"]
    parts = ["<h2>The data</h2>", markup.table(headings, rows), _overlap(graph, users, items)]
    others = [
        f"<td>{escape(' → '.join((src, relation, dst)))}</td><td>{markup.number(len(some))}</td>"
        for (src, relation, dst), some in graph.edges.items()
    ]
    nodes = ", ".join(f"{markup.number(len(some))} {name}" for name, some in graph.nodes.items())
    parts.append(
        f"<details><summary>All nodes and relations: {escape(nodes)}</summary>"
        f'<div class="table"><table class="plain"><tbody>'
        f"{''.join(f'<tr>{cells}</tr>' for cells in others)}</tbody></table></div></details>"
    )
    return f'<section id="data">{"".join(parts)}</section>'


def _overlap(graph: KnowledgeGraph, users: Mapping[str, Any], items: Mapping[str, Any]) -> str:
    sentences = []
    for row, one in enumerate(graph.domains):
        for other in graph.domains[row + 1 :]:
            shared_users = int((users[one] & users[other]).sum())
            shared_items = int((items[one] & items[other]).sum())
            sentences.append(
                f"<p>{markup.listing([one, other])} share {markup.number(shared_users)} users and "
                f"{markup.number(shared_items)} items.</p>"
            )
    return "".join(sentences)


def _with_text(graph: KnowledgeGraph, mask: Any) -> float | None:
    import pyarrow as pa
    import pyarrow.compute as pc

    texts = graph.items.text.filter(pa.array(np.asarray(mask)))
    if not len(texts):
        return None
    return float(pc.mean(pc.cast(pc.greater(pc.utf8_length(texts), 0), pa.float64())).as_py())


def _settings(run: RunFolder, config: Mapping[str, Any], protocols: list[str]) -> str:
    parts = ["<h2>Settings and versions</h2>"]
    if config:
        parts.append(f"<details open><summary>Job</summary>{markup.settings(config)}</details>")
    for name in protocols:
        about = run.task(name).model / "model.json"
        if about.is_file():
            values = {key: value for key, value in read_json(about).items() if key != "config"}
            title = f"Model for {TITLES[name].lower()}"
            parts.append(
                f"<details><summary>{escape(title)}</summary>{markup.settings(values)}</details>"
            )
    return f'<section id="settings">{"".join(parts)}</section>'
