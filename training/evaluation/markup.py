"""Pieces of the report: everything that comes from data is escaped in here."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

Interval = Mapping[str, float]


def percent(interval: Interval | None, *, best: bool = False) -> str:
    """Return a table cell: a mean in percent, bold if best, over its interval."""
    if not interval or "mean" not in interval:
        return "<td>&ndash;</td>"
    mean = f"{100 * interval['mean']:.2f}"
    text = f"<b>{mean}</b>" if best else mean
    if "low" in interval and "high" in interval:
        low, high = 100 * interval["low"], 100 * interval["high"]
        text += f"<small>{low:.2f}&thinsp;&ndash;&thinsp;{high:.2f}</small>"
    return f"<td>{text}</td>"


def difference(test: Mapping[str, float] | None) -> str:
    """Return a table cell: a difference in percent, bold if significant, over its p-value."""
    if not test or "difference" not in test:
        return "<td></td>"
    text = f"{100 * test['difference']:+.2f}"
    chance = test.get("p_holm", test.get("p_value"))
    if chance is not None:
        text = f"<b>{text}</b>" if chance < 0.05 else text
        text += f"<small>p&nbsp;{p_value(chance)}</small>"
    return f"<td>{text}</td>"


def p_value(value: float) -> str:
    """Return a p-value with its sign of equality or order."""
    return "&lt;&nbsp;0.001" if value < 0.001 else f"=&nbsp;{value:.3f}"


def row(name: str, cells: Sequence[str], *, model: bool = False) -> str:
    """Return a table row of ready cells under an escaped name."""
    kind = ' class="model"' if model else ""
    return f'<tr{kind}><th scope="row">{escape(name)}</th>{"".join(cells)}</tr>'


def table(headings: Sequence[str], rows: Sequence[str], groups: str = "") -> str:
    """Return a table that scrolls sideways on a narrow screen; headings are escaped."""
    heads = "".join(f'<th scope="col">{escape(heading)}</th>' for heading in headings)
    return (
        f'<div class="table"><table><thead>{groups}<tr>{heads}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def settings(values: Mapping[str, Any]) -> str:
    """Return nested values as a table of dotted names."""
    rows = "".join(
        f"<tr><td><code>{escape(name)}</code></td><td><code>{escape(value)}</code></td></tr>"
        for name, value in _flat(values)
    )
    return f'<div class="table"><table class="plain"><tbody>{rows}</tbody></table></div>'


def figure(caption: str, svg: str, note: str = "", *, framed: bool = False) -> str:
    """Return a drawing under its caption; caption and note are escaped."""
    more = f" <span>{escape(note)}</span>" if note else ""
    kind = ' class="framed"' if framed else ""
    return f"<figure{kind}><figcaption>{escape(caption)}{more}</figcaption>{svg}</figure>"


def number(value: float) -> str:
    """Return a count with thousands set apart."""
    return f"{value:,.0f}"


def listing(names: Sequence[str]) -> str:
    """Return names in bold, as a sentence lists them, escaped."""
    bold = [f"<b>{escape(name)}</b>" for name in names]
    return " and ".join([", ".join(bold[:-1]), bold[-1]]) if len(bold) > 1 else "".join(bold)


def _flat(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for name, value in values.items():
        if isinstance(value, Mapping):
            found += _flat(value, f"{prefix}{name}.")
        elif value is not None:
            shown = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
            found.append((f"{prefix}{name}", shown))
    return found
