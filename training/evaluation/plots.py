"""Plots as inline SVG whose colours are CSS variables: one drawing serves light and dark."""

import html
import io
import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from training.evaluation.metrics import FloatArray

# matplotlib wants a colour; each of these stands for a CSS variable and is replaced afterwards
COLOURS = {
    "ink": "#000101",
    "muted": "#000202",
    "line": "#000303",
    "model": "#000404",
    "floor": "#000505",
}
NUM_DOMAIN_COLOURS = 6  # --domain-0 ... in the style sheet; more domains begin again
STYLE = {
    "font.family": "sans-serif",
    "font.size": 12,
    "svg.fonttype": "none",  # text stays text, in the font of the page
    "text.parse_math": False,  # a "$" in a name is a dollar
    "path.simplify": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": COLOURS["line"],
    "axes.labelcolor": COLOURS["muted"],
    "text.color": COLOURS["ink"],
    "xtick.color": COLOURS["line"],
    "ytick.color": COLOURS["line"],
    "xtick.labelcolor": COLOURS["muted"],
    "ytick.labelcolor": COLOURS["muted"],
    "axes.grid": True,
    "grid.color": COLOURS["line"],
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
}

Interval = Mapping[str, float]
Points = Mapping[str, Sequence[Sequence[float]]]


def metric_bars(metric: str, scorers: Mapping[str, Interval], model: str) -> str:
    """Return a bar per scorer with its interval, in percent, each labelled above the bar.

    Args:
        metric: what is drawn, for those who hear the page.
        scorers: mean, low, high by name, top to bottom.
        model: the scorer that is not a floor.
    """
    with _drawing(440, 36 * len(scorers) + 22) as (figure, save):
        bottom = 22 / (36 * len(scorers) + 22)
        axes = figure.add_axes((0.005, bottom, 0.885, 1 - bottom))
        for row, (name, interval) in enumerate(scorers.items()):
            mean, low, high = (100 * interval.get(key, np.nan) for key in ("mean", "low", "high"))
            colour = COLOURS["model" if name == model else "floor"]
            axes.barh(row, mean, height=0.36, color=colour)
            axes.plot([low, high], [row, row], color=COLOURS["ink"], linewidth=1.1)
            end = max((value for value in (mean, high) if np.isfinite(value)), default=0.0)
            weight = "bold" if name == model else "normal"
            axes.annotate(
                f"{mean:.2f}", (end, row), (5, 0), textcoords="offset points", va="center"
            ).set_fontweight(weight)
            axes.annotate(
                name, (0, row - 0.22), (1, 0), textcoords="offset points", va="bottom", fontsize=11
            ).set(fontweight=weight, color=COLOURS["ink" if name == model else "muted"])
        axes.set_ylim(len(scorers) - 0.7, -0.7)
        axes.set_xlim(left=0)
        axes.yaxis.set_visible(False)
        axes.spines[["left", "bottom"]].set_visible(False)
        axes.tick_params(length=0, labelsize=10)
        axes.locator_params(axis="x", nbins=5)
        return save(f"{metric} of {', '.join(scorers)}")


def curves(
    title: str,
    series: Mapping[str, Sequence[tuple[float, float]]],
    main: str,
    *,
    label: str = "epoch",
) -> str:
    """Return lines over epochs, labelled at their ends; `main` is strong, the others are grey.

    Args:
        title: what is drawn, for those who hear the page.
        series: (epoch, value) pairs by name.
        main: the series that matters.
        label: of the horizontal axis.
    """
    with _drawing(440, 250) as (figure, save):
        axes = figure.add_axes((0.11, 0.15, 0.66, 0.8))
        ends = []
        for name, pairs in series.items():
            x, y = np.array(pairs, dtype=np.float64).reshape(-1, 2).T
            strong = name == main
            axes.plot(
                *(x, y),
                color=COLOURS["model" if strong else "floor"],
                linewidth=2.2 if strong else 1.4,
                marker="o" if len(x) == 1 else None,
                zorder=3 if strong else 2,
            )
            if len(x):
                ends.append((float(y[-1]), float(x[-1]), name))
        axes.margins(x=0.02, y=0.08)
        axes.set_xlabel(label, fontsize=11)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.tick_params(length=0, labelsize=10)
        axes.grid(visible=False, axis="x")
        axes.spines["left"].set_visible(False)
        low, high = axes.get_ylim()
        for place, (_, x_end, name) in zip(_apart(ends, low, high), sorted(ends), strict=True):
            axes.annotate(
                *(name, (x_end, place), (6, 0)), textcoords="offset points", va="center"
            ).set(
                color=COLOURS["model" if name == main else "muted"],
                fontsize=11,
                annotation_clip=False,
            )
        return save(title)


def reliability(title: str, pairs: Sequence[tuple[float, float]]) -> str:
    """Return observed against promised probabilities, on logarithmic axes, over the diagonal.

    Args:
        title: what is drawn, for those who hear the page.
        pairs: (promised, observed) of bins, in percent; what is 0 cannot be drawn.
    """
    xy = np.array([pair for pair in pairs if min(pair) > 0], dtype=np.float64).reshape(-1, 2)
    low, high = (xy.min() / 1.6, xy.max() * 1.6) if len(xy) else (0.01, 1.0)
    with _drawing(440, 290) as (figure, save):
        axes = figure.add_axes((0.14, 0.16, 0.82, 0.8))
        axes.plot([low, high], [low, high], color=COLOURS["muted"], linewidth=1, linestyle="--")
        axes.plot(*xy.T, color=COLOURS["model"], linewidth=2.2, marker="o", markersize=5)
        axes.loglog()
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter("{x:g}")
            axis.set_minor_formatter("")
        axes.set(xlim=(low, high), ylim=(low, high), xlabel="promised", ylabel="observed")
        axes.tick_params(which="both", length=0, labelsize=10)
        axes.grid(visible=False, which="minor")
        axes.spines["left"].set_visible(False)
        return save(title)


def scatter(title: str, points: Points, domains: Sequence[str]) -> str:
    """Return 2-D points coloured by domain; the few that lie far out are left out of the frame.

    Args:
        title: what is drawn, for those who hear the page.
        points: `[num_points, 2]` by domain.
        domains: all domains, in the order of their colours.
    """
    with _drawing(420, 350) as (figure, save):
        axes = figure.add_axes((0, 0, 1, 1))
        for domain, pairs in points.items():
            xy = np.array(pairs, dtype=np.float64).reshape(-1, 2)
            # One path of zero-length strokes with round ends: a tenth of the size of markers.
            path = np.full((3 * len(xy), 2), np.nan)
            path[0::3], path[1::3] = xy, xy
            axes.plot(
                *path.T,
                color=_domain_colour(domains.index(domain)),
                linewidth=4,
                solid_capstyle="round",
                alpha=0.6,
            )
        _frame(axes, np.array([xy for pairs in points.values() for xy in pairs] or [[0.0, 0.0]]))
        axes.grid(visible=False)
        axes.set_xticks([])
        axes.set_yticks([])
        axes.spines[["left", "bottom"]].set_visible(False)
        return save(title)


def _domain_colour(index: int) -> str:
    return f"#0006{index % NUM_DOMAIN_COLOURS:02x}"


def _frame(axes: Any, xy: FloatArray) -> None:
    """Set equal scales that hold all but the outermost hundredth of the points."""
    low, high = np.quantile(xy, [0.005, 0.995], axis=0)
    centre = (low + high) / 2
    half = max(float(((high - low) / 2 / np.array([1.2, 1.0])).max()) * 1.08, 1e-9)
    axes.set_xlim(centre[0] - 1.2 * half, centre[0] + 1.2 * half)
    axes.set_ylim(centre[1] - half, centre[1] + half)


def _apart(ends: Sequence[tuple[float, float, str]], low: float, high: float) -> list[float]:
    """Return heights for the labels of line ends, in sorted order, that do not overlap."""
    step = 0.075 * (high - low)
    heights: list[float] = []
    for height, _, _ in sorted(ends):
        heights.append(max(height, heights[-1] + step) if heights else height)
    over = max(0.0, heights[-1] - high) if heights else 0.0
    return [height - over for height in heights]


@contextmanager
def _drawing(width: int, height: int) -> Iterator[tuple[Any, Callable[[str], str]]]:
    """Yield a figure of that many CSS pixels, and a function that turns it into SVG."""
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    def save(label: str) -> str:
        # ids are hashes of salt and content: a salt for each drawing keeps them apart on one page
        matplotlib.rcParams["svg.hashsalt"] = label
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
        return _inline(buffer.getvalue(), label, width, height)

    with matplotlib.rc_context(STYLE), warnings.catch_warnings():
        # the page's own fonts draw the text, so a glyph that matplotlib lacks is no loss
        warnings.filterwarnings("ignore", message=".*Glyph")
        figure = Figure(figsize=(width / 72, height / 72))
        FigureCanvasSVG(figure)
        yield figure, save


def _inline(svg: str, label: str, width: int, height: int) -> str:
    """Return a matplotlib SVG as an element of a page: no namespaces, no fixed colours or fonts."""
    body = svg[svg.index(">", svg.index("<svg")) + 1 :]
    body = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>", "", body, flags=re.DOTALL)
    body = body.replace(' xlink:href="#', ' href="#')
    used = set(re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', body))
    kept = {name for pair in used for name in pair if name}
    body = re.sub(r' id="([^"]+)"', lambda match: match[0] if match[1] in kept else "", body)
    for name, colour in COLOURS.items():
        body = body.replace(f": {colour}", f": var(--{name})")
    body = re.sub(r": #0006(\d\d)", lambda match: f": var(--domain-{int(match[1])})", body)
    body = re.sub(r"font-family: [^;\"]*;", "", body)
    body = re.sub(r"font: ((?:bold|[0-9]+) )?([0-9.]+px) [^;\"]*", _font, body)
    return (
        f'<svg viewBox="0 0 {width} {height}" width="{width}" role="img" '
        f'aria-label="{html.escape(label)}">{body}'
    )


def _font(match: re.Match[str]) -> str:
    weight = f"font-weight: {match[1].strip()}; " if match[1] else ""
    return f"{weight}font-size: {match[2]}"
