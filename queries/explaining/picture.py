"""The subgraph of an explanation, drawn: the user, their items, what joins, the item."""

import textwrap
from pathlib import Path as File
from typing import TYPE_CHECKING, Any

from kg.errors import InputError
from kg.files import write_file
from queries.explaining.explanation import Explanation
from queries.explaining.path import LIKENESS, Path, plain

if TYPE_CHECKING:
    import networkx as nx

FORMATS = (".svg", ".png")
WIDEST, THINNEST = 7.0, 0.8  # points
LINE, LINES = 24, 2  # characters of a label, and how many lines of them
ADDS, TAKES, INK, PAPER = "#2f6f8f", "#b5532f", "#222222", "#ffffff"
FILLS = ("#dcebf3", "#f4e3c8", "#dff0dc", "#eadff2", "#f6dcdc")


def draw(explanation: Explanation, file: File) -> None:
    """Write a picture of the listed paths.

    Args:
        explanation: what to draw.
        file: `.svg` or `.png`.

    Raises:
        InputError: another ending, or there is no path to draw.
    """
    check_format(file)
    if not explanation.paths:
        raise InputError("no path leads from this user to the item: there is nothing to draw")
    with write_file(file) as aside:
        _figure(explanation).savefig(aside, format=file.suffix.lower()[1:], facecolor=PAPER)


def check_format(file: File) -> None:
    """Refuse what cannot be drawn into.

    Raises:
        InputError: another ending than `.svg` or `.png`.
    """
    if file.suffix.lower() not in FORMATS:
        raise InputError(f"{file.name}: a picture is {' or '.join(FORMATS)}")


def subgraph(explanation: Explanation) -> "nx.DiGraph":
    """Return the listed paths as a graph: nodes have `column`, `label`, `kind`; edges `adds`.

    Columns: 0 the user, 1 their items, 2 what joins, 3 what stands in, 4 the item.
    """
    import networkx as nx

    graph = nx.DiGraph()
    for place, path in enumerate(explanation.paths):
        last = None
        for column, key, label, kind in _stops(path, place):
            if key not in graph:
                graph.add_node(key, column=column, label=label, kind=kind)
            if last is not None:
                if not graph.has_edge(last, key):
                    graph.add_edge(last, key, adds=0.0, size=0.0)
                graph.edges[last, key]["adds"] += path.contribution
                graph.edges[last, key]["size"] += abs(path.contribution)
            last = key
    return graph


def _stops(path: Path, place: int) -> list[tuple[int, Any, str, str]]:
    user, own, *between, item = path.nodes
    stops: list[tuple[int, Any, str, str]] = [
        (0, ("user", user.id), _cut(user.title), "user"),
        (1, ("own", own.id), _cut(own.title), ", ".join(own.domains)),
    ]
    if path.kind in LIKENESS:
        stops.append((2, (path.kind, ""), LIKENESS[path.kind], "joins"))
    elif path.kind == "people":
        stops.append((2, ("people", place), between.pop(0).title, "joins"))
    elif path.kind == "direct" and not between:
        words = path.relations[1].relation.replace("_", " ")
        stops.append((2, ("relation", words), words, "joins"))
    for node in between:
        stands = bool(node.domains)
        words = _cut(node.title)
        if stands and path.others:
            words += f"\nand {path.others} more"
        if stands:
            words += f"\n({path.relations[-1].relation.replace('_', ' ')})"
        if not stands:
            words = f"{path.relations[1].relation.replace('_', ' ')}:\n{words}"
        key = ("between", node.type, node.id, words)
        stops.append((3 if stands else 2, key, words, ", ".join(node.domains) or "joins"))
    stops.append((4, ("item", item.id), _cut(item.title), ", ".join(item.domains)))
    return stops


def _figure(explanation: Explanation) -> Any:
    import matplotlib as mpl
    from matplotlib.figure import Figure
    from matplotlib.patches import FancyArrowPatch

    graph = subgraph(explanation)
    columns = sorted({graph.nodes[key]["column"] for key in graph})
    tallest = max(sum(graph.nodes[k]["column"] == c for k in graph) for c in columns)
    size = (2.0 + 2.35 * len(columns), 1.6 + 0.85 * tallest)
    where = _places(graph, columns)
    with mpl.rc_context({"svg.fonttype": "none", "text.parse_math": False}):
        figure = Figure(figsize=size, dpi=120, layout="constrained")
        axes = figure.add_subplot()
        axes.set_axis_off()
        axes.set_xlim(-0.5, len(columns) - 0.5)
        axes.set_ylim(-0.6, tallest - 0.4)
        most = max(edge["size"] for *_, edge in graph.edges(data=True))
        for src, dst, edge in graph.edges(data=True):
            axes.add_patch(
                FancyArrowPatch(
                    where[src],
                    where[dst],
                    arrowstyle="-",
                    connectionstyle="arc3,rad=0",
                    linewidth=max(WIDEST * edge["size"] / most, THINNEST),
                    color=ADDS if edge["adds"] >= 0 else TAKES,
                    alpha=0.55,
                    zorder=1,
                    capstyle="round",
                )
            )
        fills = _fills(explanation)
        for key, node in graph.nodes(data=True):
            axes.text(
                *where[key],
                node["label"],
                ha="center",
                va="center",
                fontsize=9,
                color=INK,
                zorder=2,
                bbox={
                    "boxstyle": "round,pad=0.4",
                    "facecolor": fills.get(node["kind"], PAPER),
                    "edgecolor": "#8a8a8a",
                    "linewidth": 0.7,
                },
            )
        _legend(axes, explanation, fills)
    return figure


def _legend(axes: Any, explanation: Explanation, fills: dict[str, str]) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    domains = [kind for kind in fills if kind not in ("user", "joins")]
    marks: list[Any] = [Patch(facecolor=fills[d], edgecolor="#8a8a8a", label=d) for d in domains]
    marks.append(Line2D([], [], color=ADDS, linewidth=4, alpha=0.55, label="adds to the score"))
    if any(path.contribution < 0 for path in explanation.paths):
        marks.append(Line2D([], [], color=TAKES, linewidth=4, alpha=0.55, label="takes from it"))
    listed = sum(abs(path.share) for path in explanation.paths)
    title = f"{len(explanation.paths)} of {explanation.num_paths:,} paths, {listed:.0%} of all said"
    axes.legend(
        handles=marks,
        title=title,
        loc="upper center",
        bbox_to_anchor=(0.5, 0.0),
        ncols=len(marks),
        frameon=False,
        fontsize=8,
        title_fontsize=8,
    )


def _fills(explanation: Explanation) -> dict[str, str]:
    """Return the colour of each domain, in the order of appearance from the left."""
    kinds = [", ".join(node.domains) for path in explanation.paths for node in path.nodes[1:]]
    domains = [kind for kind in dict.fromkeys(kinds) if kind]
    found = {kind: FILLS[place % len(FILLS)] for place, kind in enumerate(domains)}
    return {**found, "user": "#eeeeee", "joins": PAPER}


def _places(graph: "nx.DiGraph", columns: list[int]) -> dict[Any, tuple[float, float]]:
    """Return where nodes stand: columns from the left, each near what it is joined with."""
    tallest = max(sum(graph.nodes[k]["column"] == c for k in graph) for c in columns)
    height: dict[Any, float] = {}
    where = {}
    for place, column in enumerate(columns):
        keys = [key for key in graph if graph.nodes[key]["column"] == column]
        pulled = {}
        for order, key in enumerate(keys):
            before = [height[src] for src in graph.predecessors(key) if src in height]
            pulled[key] = sum(before) / len(before) if place > 1 and before else float(-order)
        keys.sort(key=lambda key: -pulled[key])
        if place > 1:
            placed = _apart([pulled[key] for key in keys], tallest)
        else:
            placed = [tallest - 0.5 - tallest / len(keys) * (n + 0.5) for n in range(len(keys))]
        height.update(zip(keys, placed, strict=True))
        where.update({key: (float(place), height[key]) for key in keys})
    return where


def _apart(wanted: list[float], tallest: int) -> list[float]:
    """Return heights near those that are wanted, from the top, one apart and inside the frame."""
    placed: list[float] = []
    for value in wanted:
        placed.append(min(value, placed[-1] - 1) if placed else min(value, tallest - 1.0))
    for place in reversed(range(len(placed))):
        lowest = placed[place + 1] + 1 if place + 1 < len(placed) else 0.0
        placed[place] = max(placed[place], lowest)
    return placed


def _cut(title: str) -> str:
    """Return a title of at most two short lines."""
    found = textwrap.wrap(plain(title), LINE, max_lines=LINES, placeholder=" …")
    return "\n".join(found)
