"""The drift report of an update as a table for the terminal."""

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table

from training.updating.drift import (
    LEAST_COSINE,
    MOST_INTERACTIONS,
    MOST_ITEMS,
    MOST_LOST,
    MOST_SHIFT,
    MOST_STRANGE,
)


def drift_table(report: Mapping[str, Any]) -> RenderableType:
    """Return what was measured, the limits beside it, and what follows in one sentence."""
    table = Table(title=f"Update {report['number']}: drift since training", title_justify="left")
    for name in ("what", "measured", "limit"):
        table.add_column(name, justify="left" if name == "what" else "right")
    since, shift, text = report["since_training"], report["popularity"], report["text"]
    table.add_row("new interactions", _share(since["interactions"]), f"{MOST_INTERACTIONS:.0%}")
    for kind, nodes in since["nodes"].items():
        limit = f"{MOST_ITEMS:.0%}" if kind == report["item_type"] else ""
        if nodes["new"]:
            table.add_row(f"new nodes: {kind}", _share(nodes), limit)
    if shift is not None:
        measured = f"{shift['shift']:.3f} (of {shift['divergence']:.3f})"
        table.add_row("shift of popularity, beyond chance", measured, f"{MOST_SHIFT}")
    if text is not None:
        measured = f"{text['strangeness']:+.2f} sd, {text['items']} items"
        table.add_row("distance of new texts", measured, f"{MOST_STRANGE:+.2f} sd")
    for protocol, model in report["models"].items():
        _model_rows(table, protocol, model)
    return Group(table, report["sentence"])


def _model_rows(table: Table, protocol: str, model: Mapping[str, Any]) -> None:
    for kind, moved in model["moved"].items():
        if moved["touched"]:
            measured = f"{moved['cosine']:.3f} over {moved['touched']:,}"
            table.add_row(f"{protocol}: cosine of touched {kind}", measured, f"{LEAST_COSINE}")
    _judged_rows(table, protocol, model["judged"])
    tuned = model.get("fine_tuned")
    if tuned is not None:
        valid = f"{tuned['valid_before']:.4f} to {tuned['valid_after']:.4f}"
        back = ", taken back" if tuned["taken_back"] else ""
        table.add_row(f"{protocol}: valid NDCG@10 of the network, tuned", valid + back, "")
    if model["withheld"]:
        what = f"{protocol}: new interactions of nodes that stay cold"
        table.add_row(what, f"{model['withheld']:,} held out", "")


def _judged_rows(table: Table, protocol: str, judged: Mapping[str, Any] | None) -> None:
    what = f"{protocol}: NDCG@10 before they entered"
    if judged is None:
        table.add_row(what, "nothing to ask", "")
        return
    new, valid = judged["new"], judged["valid"]
    table.add_row(
        f"{what}, {judged['rows']:,} of {judged['of']:,} interactions, {new['users']:,} users",
        _interval(new),
        f"-{MOST_LOST:.0%}",
    )
    table.add_row(f"{protocol}: the same of the valid part at training", _interval(valid), "")


def _share(about: Mapping[str, float]) -> str:
    return f"{about['share']:.1%} ({about['new']:,})"


def _interval(about: Mapping[str, float]) -> str:
    return f"{about['mean']:.3f} ({about['low']:.3f}-{about['high']:.3f})"
